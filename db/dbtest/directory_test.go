package dbtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// askForDirectory makes this test binary start the shared server, say where its files are, and be killed.
const askForDirectory = "SWITCHBOARD_TEST_ASK_FOR_DIRECTORY"

func TestFilesGoWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	if os.Getenv(askForDirectory) != "" {
		_, _ = os.Stdout.WriteString("directory " + shared.start(t).dir.path + "\n")
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	self := exec.Command(os.Args[0], "-test.run=^TestFilesGoWhenTheProcessIsKilled$")
	self.Env = append(os.Environ(), askForDirectory+"=1", "SWITCHBOARD_TEST_KEEP=")
	out, err := self.Output()
	if err == nil {
		t.Fatalf("the process ended by itself:\n%s", out)
	}
	_, rest, ok := strings.Cut(string(out), "directory ")
	dir, _, _ := strings.Cut(rest, "\n")
	if !ok || !strings.Contains(dir, dirPrefix) {
		t.Fatalf("no directory in the output:\n%s", out)
	}
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for exists(dir) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is still there", dir)
		}
	}
}

func TestSweepTakesOnlyWhatIsAbandoned(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	old := time.Now().Add(-time.Hour)
	made := func(name string, modified time.Time) string {
		dir := filepath.Join(base(), dirPrefix+name)
		if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o711); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "postgres", "lock"))
		if name == "kept" {
			write(t, filepath.Join(dir, "keep"))
		}
		if err := os.Chtimes(dir, modified, modified); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	abandoned, young, kept, held := made("abandoned", old), made("young", time.Now()), made("kept", old), made("held", old)
	lock, err := os.Open(filepath.Join(held, "postgres", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}

	sweep()

	if exists(abandoned) {
		t.Error("an abandoned directory was left")
	}
	for _, dir := range []string{young, kept, held} {
		if !exists(dir) {
			t.Errorf("%s was removed", filepath.Base(dir))
		}
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
