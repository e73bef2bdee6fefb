# Sourced by the commands beside it. Brings the one thing that TypeScript cannot bring itself: Node.js 24, with the other
# npm packages. Everything else is TypeScript.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
node=$root/node_modules/.bin/node
export HOME=${HOME:-/root} # npm keeps its cache there

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

require_host() {
  [ "$(id -u)" = 0 ] || die "must run as root: it starts virtual machines, containers and networks. Try: sudo $0"
  local system
  system=$(. /etc/os-release 2>/dev/null && echo "${ID:-unknown} ${VERSION_ID:-}") || system='an unknown system'
  [ "$system" = 'debian 12' ] || die "needs Debian 12 (bookworm), but this is $system. A virtual machine with Debian 12 will do."
}

quietly() { # <what, for people> <command…>: shows what it printed only when it fails
  local what=$1 log began=$SECONDS
  shift
  log=$(mktemp)
  printf '  …  %s' "$what" >&2
  if "$@" </dev/null >"$log" 2>&1; then
    printf '\r  ✔  %s  %ss\n' "$what" $((SECONDS - began)) >&2
    rm -f "$log"
  else
    printf '\r  ✘  %s\n' "$what" >&2
    cat "$log" >&2
    rm -f "$log"
    die "could not finish: $what"
  fi
}

install_npm() {
  apt-get -o DPkg::Lock::Timeout=300 update
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends nodejs npm
}

# None of the packages needs its install scripts (.npmrc switches them off), whatever npm thinks of running them.
install_node_packages() {
  # NODE_ENV=production would leave out what bin/test needs.
  (cd "$root" && npm ci --include=dev --include=optional --loglevel=error)
  # Two optional packages, one for each processor, bring a program of this name: npm 9 ends up linking neither.
  local package
  for package in "$root"/node_modules/node-linux-*; do
    ln -sfn "../$(basename "$package")/bin/node" "$node"
  done
}

bootstrap() {
  exec 9<"$root/package.json"
  flock 9 # two commands at once install once
  # npm writes this file last, so an interrupted or outdated installation is noticed.
  if [ ! -x "$node" ] || [ ! -e "$root/node_modules/.package-lock.json" ] ||
    [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]; then
    if ! command -v npm >/dev/null; then
      [ "$(id -u)" = 0 ] || die 'npm is not installed. Run it as root once, or: apt-get install npm'
      quietly 'Node.js and npm of Debian' install_npm
    fi
    quietly 'npm packages' install_node_packages
    "$node" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' ||
      die "$node is not Node.js 24 or newer"
    touch "$root/node_modules/.package-lock.json"
  fi
  exec 9<&-
}

wants_help() {
  local argument
  for argument in "$@"; do
    case $argument in -h | --help) return 0 ;; esac
  done
  return 1
}

run() { # <script> <argument…>
  local script=$root/$1
  shift
  exec "$node" "$script" "$@"
}

run_alone() { # the same, after every other that runs so: two bin/up at once would start two of everything
  wants_help "$@" && run "$@"
  local script=$root/$1
  shift
  exec flock --close /run/cirrostack.lock "$node" "$script" "$@" # --close: the daemons must not keep the lock
}
