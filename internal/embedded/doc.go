// Package embedded runs a private Postgres and a private Redis as child processes, for `switchboard dev` and for tests.
//
// Both are the real servers, taken from the machine's packages or from the project's .runtime folder. They share nothing
// with servers that the machine already runs: Postgres listens on a unix socket in a directory that only its owner can
// enter, Redis on a loopback port with a random password, and both keep their files below Options.Dir.
//
// # Life and death
//
// A child never outlives its parent, not even when the parent is killed with SIGKILL: the kernel signals the child when
// the thread that started it ends (PR_SET_PDEATHSIG), and that thread is locked to a goroutine which waits for the child.
// The signal is SIGQUIT for Postgres (its immediate shutdown, which takes the backends along; the write-ahead log makes it
// safe) and SIGKILL for Redis (its append-only file has every acknowledged write).
//
// Each server directory has a lock file. Its descriptor is inherited by the server and everything the server forks, so the
// lock is free exactly when nobody is left who could write to the directory. A start waits for it; a postmaster.pid found
// after that is stale by definition and removed, even if its process id has been given to somebody else.
//
// Children run in a process group of their own, so that Ctrl-C reaches only the parent, which stops them last. They get a
// minimal environment: no secret of the parent is readable in theirs.
//
// # Users
//
// Postgres refuses to run as root. A parent that is root starts its children as the user postgres (or nobody); where that
// user could not reach the directory (a project below /root), or where the parent's user has no passwd entry, they run in
// a user namespace instead, and where namespaces are forbidden, as in most containers, the files are kept below
// /var/lib/switchboard. Dir tells where they are.
//
// Imports: standard library only.
package embedded
