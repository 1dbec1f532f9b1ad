package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// nobody is the user id that a process sees as its own inside the user namespace. Every system has a passwd entry for it,
// and Postgres insists on one.
const nobody = 65534

// identity is the user that a server runs as.
type identity struct {
	uid, gid  int  // owner of the server's files
	drop      bool // give up root for uid and gid
	namespace bool // keep the user, but appear as nobody
}

// attributes returns what a child of this identity needs from the kernel: its user, a process group of its own, and the
// signal it gets when its parent dies.
func (i identity) attributes(death syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: death, Setpgid: true}
	switch {
	case i.drop:
		attr.Credential = &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)}
	case i.namespace:
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// own gives a file to the server's user.
func (i identity) own(path string) error {
	if !i.drop {
		return nil
	}
	return os.Chown(path, i.uid, i.gid)
}

// chooseIdentity decides who runs the server of dir. Data that exists keeps its owner, if that is possible at all.
func chooseIdentity(dir string) (identity, error) {
	owner, exists := ownerOf(filepath.Join(dir, "data"))
	if os.Geteuid() != 0 {
		return chooseForUser(dir, owner, exists)
	}
	if exists && owner.uid != 0 {
		return owner, nil
	}
	user, reachable := unprivileged(dir)
	if !exists && reachable {
		return user, nil
	}
	self := identity{namespace: true}
	switch {
	case namespaceAllowed(self):
		return self, nil
	case reachable: // data of a namespace that this machine no longer allows
		return user, giveAway(filepath.Join(dir, "data"), user)
	case exists:
		return identity{}, fmt.Errorf("%s can be read by root only, and Postgres does not run as root: move it, for example to %s", dir, sharedRoot)
	default:
		return identity{}, errUnreachable
	}
}

// chooseForUser is chooseIdentity for a parent that is not root: its children run as itself.
func chooseForUser(dir string, owner identity, exists bool) (identity, error) {
	self := identity{uid: os.Geteuid(), gid: os.Getegid()}
	if exists && owner.uid != self.uid {
		return identity{}, fmt.Errorf("%s belongs to user %d and not to you (user %d): use another data directory", dir, owner.uid, self.uid)
	}
	if _, err := user.LookupId(strconv.Itoa(self.uid)); err == nil {
		return self, nil
	}
	self.namespace = true
	if !namespaceAllowed(self) {
		return identity{}, fmt.Errorf("user %d has no passwd entry, which Postgres insists on: add one, or run as another user", self.uid)
	}
	return self, nil
}

// giveAway changes the owner of a directory and all in it. The directory itself comes last: a change that was interrupted
// is then seen as not done.
func giveAway(dir string, to identity) error {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	if err != nil {
		return err
	}
	for _, path := range slices.Backward(paths) {
		if err := os.Lchown(path, to.uid, to.gid); err != nil {
			return err
		}
	}
	return nil
}

// unprivileged returns the first of the usual users that exists and can reach dir.
func unprivileged(dir string) (identity, bool) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 != nil || err2 != nil || uid == 0 {
			continue
		}
		if reachable(dir, uid, gid) {
			return identity{uid: uid, gid: gid, drop: true}, true
		}
	}
	return identity{}, false
}

// reachable tells whether a user may pass through dir and all its parents. A child changes its directory after it has
// changed its user, so one closed parent makes the start fail with a misleading error about the program itself.
func reachable(dir string, uid, gid int) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		stat := info.Sys().(*syscall.Stat_t)
		bit := os.FileMode(0o001)
		switch {
		case int(stat.Uid) == uid:
			bit = 0o100
		case int(stat.Gid) == gid:
			bit = 0o010
		}
		if info.Mode().Perm()&bit == 0 {
			return false
		}
		if dir == "/" {
			return true
		}
	}
}

// ownerOf returns the owner of a path as an identity to drop to, and whether the path exists.
func ownerOf(path string) (identity, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, false
	}
	stat := info.Sys().(*syscall.Stat_t)
	return identity{uid: int(stat.Uid), gid: int(stat.Gid), drop: true}, true
}

// namespaceAllowed tries a user namespace: containers often forbid them.
func namespaceAllowed(i identity) bool {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = i.attributes(syscall.SIGKILL)
	return cmd.Run() == nil
}
