package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// errUnreachable means that this process is root and no unprivileged user, real or mapped, can work in the directory.
var errUnreachable = errors.New("no unprivileged user can reach the data directory")

// nobody is the user id that a process sees as its own inside the user namespace. Every system has a passwd entry for it,
// and Postgres insists on one.
const nobody = 65534

// identity is the user that a server runs as.
type identity struct {
	uid, gid  int  // owner of the server's files
	drop      bool // give up root for uid and gid
	namespace bool // keep the user, but appear as nobody
}

// attributes returns what a child of this identity needs from the kernel.
func (i identity) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
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

// chooseIdentity decides who runs the server of dir. Data that exists keeps its owner.
func chooseIdentity(dir string) (identity, error) {
	uid, gid := os.Geteuid(), os.Getegid()
	self := identity{uid: uid, gid: gid}
	owner, exists := ownerOf(filepath.Join(dir, "data"))
	if uid != 0 {
		if exists && owner.uid != uid {
			return identity{}, fmt.Errorf("%s belongs to user %d and not to you (user %d): use another data directory", dir, owner.uid, uid)
		}
		if _, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			return self, nil
		}
		self.namespace = true
		return self, nil
	}
	if exists && owner.uid != 0 {
		return owner, nil
	}
	if !exists {
		if i, ok := unprivileged(dir); ok {
			return i, nil
		}
	}
	self.namespace = true
	if !namespaceAllowed(self) {
		return identity{}, errUnreachable
	}
	return self, nil
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
	cmd.SysProcAttr = i.attributes()
	return cmd.Run() == nil
}
