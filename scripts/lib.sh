# shellcheck shell=bash
# What the scripts share. Sourced, never run. Everything that needs a compiler, a linter, pytest or Compose runs in the
# toolchain image, so a machine needs only Docker, and Docker is installed where it is missing.

set -o pipefail

DAVIT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
DAVIT_LOG=${DAVIT_LOG:-$(mktemp "${TMPDIR:-/tmp}/davit-log.XXXXXX")}
DAVIT_SCRATCH=${DAVIT_SCRATCH:-/var/tmp/davit-e2e}
DAVIT_IMAGE=${DAVIT_IMAGE:-davit:dev} # what is built and tested as the product
export DAVIT_ROOT DAVIT_LOG DAVIT_SCRATCH DAVIT_IMAGE

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# quietly WHAT COMMAND…: runs it into the log; shows the log's end only when it fails.
quietly() {
  local what=$1 from rc=0
  shift
  say "  $what"
  from=$(stat -c %s "$DAVIT_LOG" 2>/dev/null || echo 0)
  "$@" >>"$DAVIT_LOG" 2>&1 || rc=$?
  if [ "$rc" -ne 0 ]; then
    say "failed ($rc): $what; the last lines of $DAVIT_LOG:"
    tail -c "+$((from + 1))" "$DAVIT_LOG" | tail -n 60 >&2
  fi
  return "$rc"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# --- the Engine -----------------------------------------------------------------------------------------------------

APT_UPDATED=
apt_install() {
  if [ -z "$APT_UPDATED" ]; then
    quietly "apt-get update" as_root apt-get update -q || return
    APT_UPDATED=1
  fi
  quietly "apt-get install $*" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

wait_for() { # SECONDS COMMAND…
  local left=$1
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 1
  done
}

# An Engine answers after this. One that was there is left alone.
ensure_engine() {
  if ! command -v docker >/dev/null 2>&1; then
    # Since trixie the command line is a package of its own; before, docker.io holds it.
    apt_install ca-certificates iptables docker.io || return
    command -v docker >/dev/null 2>&1 || apt_install docker-cli || return
  fi
  docker version >/dev/null 2>&1 && return
  command -v dockerd >/dev/null 2>&1 || [ -x /usr/sbin/dockerd ] || apt_install ca-certificates iptables docker.io || return
  if [ "$(cat /proc/1/comm)" = systemd ] && as_root systemctl start docker >>"$DAVIT_LOG" 2>&1; then
    say "  docker started by systemd"
  else
    say "  starting dockerd (log: /var/log/davit-dockerd.log)"
    as_root sh -c 'setsid nohup /usr/sbin/dockerd >/var/log/davit-dockerd.log 2>&1 </dev/null &'
  fi
  wait_for 60 as_root docker version || die "the Engine does not answer; see /var/log/davit-dockerd.log"
  docker version >/dev/null 2>&1 || die "the Engine runs, but $(id -un) may not use it: join the docker group, or use sudo"
}

# --- images ---------------------------------------------------------------------------------------------------------

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# pull_as SOURCE TAG: the verdict "no registry" is remembered for the run, because a dead network can take its time.
DAVIT_NO_REGISTRY=${DAVIT_NO_REGISTRY:-}
pull_as() {
  [ -z "$DAVIT_NO_REGISTRY" ] || return 1
  if ! timeout 60 docker pull -q "$1" >>"$DAVIT_LOG" 2>&1; then
    DAVIT_NO_REGISTRY=1
    say "  no registry answers: base images are made from Debian's packages"
    return 1
  fi
  docker tag "$1" "$2"
}

# An image that was imported from half an archive must not stay.
import_image() { # TAG COMMAND: the archive comes from standard input
  if ! docker import -c "CMD [\"$2\"]" - "$1" || ! docker run --rm --entrypoint "$2" "$1" -c true; then
    docker rmi "$1"
    return 1
  fi
}

bootstrap_debian() { # SUITE
  command -v mmdebstrap >/dev/null 2>&1 || apt_install mmdebstrap debian-archive-keyring || return
  as_root mmdebstrap --variant=apt --include=ca-certificates "$1" - |
    import_image "davit-base/debian:$1" bash
}

bootstrap_busybox() {
  # shellcheck disable=SC2016  # expands in the container
  docker run --rm --init davit-base/debian:trixie sh -ec '
    { apt-get update -q; cd /tmp; apt-get download -q busybox-static; dpkg -x busybox-static*.deb deb; } >&2
    mkdir -p root/bin root/tmp root/etc root/root
    chmod 1777 root/tmp
    cp "$(find deb -path "*/bin/busybox" -type f)" root/bin/busybox
    for applet in $(root/bin/busybox --list); do [ -e "root/bin/$applet" ] || ln -s busybox "root/bin/$applet"; done
    echo "root:x:0:0:root:/root:/bin/sh" > root/etc/passwd
    echo "root:x:0:" > root/etc/group
    tar -C root -c .' | import_image davit-base/busybox:latest sh
}

# davit-base/debian:{trixie,bookworm} and davit-base/busybox:latest exist after this, pulled or made here.
ensure_debian() { # SUITE
  has_image "davit-base/debian:$1" || pull_as "debian:$1-slim" "davit-base/debian:$1" ||
    quietly "making davit-base/debian:$1" bootstrap_debian "$1"
}
ensure_busybox() {
  has_image davit-base/busybox:latest || pull_as busybox:latest davit-base/busybox:latest || {
    ensure_debian trixie && quietly "making davit-base/busybox" bootstrap_busybox
  } || return
  # davit asks for plain busybox; where that cannot be had, ours stands in.
  has_image busybox:latest || docker tag davit-base/busybox:latest busybox:latest
}

hash_of() { sha256sum | cut -c1-12; }

build_image() { # WHAT ARGUMENTS…
  local what=$1
  shift
  if docker buildx version >/dev/null 2>&1; then
    quietly "building $what" docker build "$@"
  else
    DOCKER_BUILDKIT=0 quietly "building $what" docker build --force-rm "$@"
  fi
}

# The tag follows the Dockerfile's toolchain part, so that it is built again only when that part changes.
toolchain_image() { printf 'davit-toolchain:%s' "$(sed '/^FROM .* AS build$/,$d' "$DAVIT_ROOT/Dockerfile" | hash_of)"; }
ensure_toolchain() {
  local image
  image=$(toolchain_image)
  has_image "$image" && return
  ensure_debian trixie || return
  # The context is empty for this stage: it copies nothing.
  build_image "$image (some minutes, once)" --target toolchain --build-arg BASE_IMAGE=davit-base/debian:trixie \
    -t "$image" "$DAVIT_ROOT"
}

# The classic builder can mount no cache. So the product is first compiled with the shared one, which gives out what that
# took, and an image of the toolchain takes it in.
fill_cache_image() { # TAG
  local found rc=0
  found=$(mktemp -d "${TMPDIR:-/tmp}/davit-cache.XXXXXX") || return
  # In a directory as deep as the Dockerfile's, and a fresh one: what is up to date would not be asked for.
  rm -rf "$DAVIT_ROOT/build/product"
  {
    compiler -v "$found:/found" -e CCACHE_REMOTE_STORAGE=file:/found -e CCACHE_RESHARE=true -- \
      sh -ec 'cmake --preset release-static -B build/product >/dev/null; cmake --build build/product --target davit' &&
      printf 'FROM %s\nENV CCACHE_REMOTE_STORAGE=file:/found\nCOPY . /found\n' "$(toolchain_image)" | as_root tee "$found/Dockerfile" &&
      DOCKER_BUILDKIT=0 docker build -q --force-rm -t "$1" "$found"
  } || rc=$?
  as_root rm -rf "$found" "$DAVIT_ROOT/build/product"
  return "$rc"
}

# The product, as a release builds it.
ensure_product() {
  ensure_toolchain && quietly "compiling davit: once 10 to 20 minutes on two processors, then what has changed" fill_cache_image davit-toolchain:cached &&
    build_image "$DAVIT_IMAGE" --build-arg BASE_IMAGE=davit-base/debian:trixie --build-arg BUILD_FROM=davit-toolchain:cached \
      -t "$DAVIT_IMAGE" "$DAVIT_ROOT"
}

ensure_postgres() { # MAJOR
  local suite folder=$DAVIT_ROOT/tests/images/postgres image
  case $1 in
    15) suite=bookworm ;;
    17) suite=trixie ;;
    *) die "no Debian release of ours has PostgreSQL $1" ;;
  esac
  image=davit-test/postgres:$1-$(cat "$folder"/* | hash_of)
  if ! has_image "$image"; then
    ensure_debian "$suite" || return
    build_image "$image" --build-arg "BASE_IMAGE=davit-base/debian:$suite" --build-arg "PG_MAJOR=$1" -t "$image" "$folder" || return
  fi
  docker tag "$image" "davit-test/postgres:$1"
}

# With pgBackRest: davit-test/postgres-pgbackrest:MAJOR, and with another contract davit-test/timescaledb-ha:MAJOR. Each
# stands on the one before, so its tag follows that one's.
ensure_postgres_on() { # NAME MAJOR BASE FOLDER
  local folder=$DAVIT_ROOT/tests/images/$4 image
  image=davit-test/$1:$2-$({ cat "$folder"/*; docker image inspect -f '{{.Id}}' "$3"; } | hash_of)
  has_image "$image" ||
    build_image "$image" --build-arg "BASE_IMAGE=$3" --build-arg "PG_MAJOR=$2" -t "$image" "$folder" || return
  docker tag "$image" "davit-test/$1:$2"
}
ensure_pgbackrest() { # MAJOR
  ensure_postgres "$1" && ensure_postgres_on postgres-pgbackrest "$1" "davit-test/postgres:$1" pgbackrest
}
ensure_timescaledb_ha() { # MAJOR
  ensure_pgbackrest "$1" && ensure_postgres_on timescaledb-ha "$1" "davit-test/postgres-pgbackrest:$1" timescaledb-ha
}

ensure_test_image() { # NAME: davit-test/NAME, of the folder tests/images/NAME
  local folder=$DAVIT_ROOT/tests/images/$1 image
  image=davit-test/$1:$(cat "$folder"/* | hash_of)
  if ! has_image "$image"; then
    ensure_debian trixie || return
    build_image "$image" --build-arg BASE_IMAGE=davit-base/debian:trixie -t "$image" "$folder" || return
  fi
  docker tag "$image" "davit-test/$1:latest"
}
ensure_nested_engine() { ensure_test_image engine; } # an Engine, in a container
ensure_rgw() { ensure_test_image rgw; }              # an S3 server
ensure_openldap() { ensure_test_image openldap; }
ensure_rabbitmq() { ensure_test_image rabbitmq; }

# davit-test/opensearch: the public image, or Maven Central's minimal distribution and security plugin on Debian's Java.
OPENSEARCH_VERSION=2.19.4 # the newest of which Maven Central has a security plugin that needs no other one
ensure_opensearch() {
  local folder=$DAVIT_ROOT/tests/images/opensearch image
  image=davit-test/opensearch:$OPENSEARCH_VERSION-$(cat "$folder"/* | hash_of)
  has_image "$image" || pull_as "opensearchproject/opensearch:$OPENSEARCH_VERSION" "$image" || build_opensearch "$image" || return
  docker tag "$image" davit-test/opensearch:latest
}
build_opensearch() { # TAG
  local context rc=0
  ensure_debian trixie || return
  context=$(mktemp -d "${TMPDIR:-/var/tmp}/davit-opensearch.XXXXXX") || return
  {
    cp -p "$DAVIT_ROOT"/tests/images/opensearch/* "$context" &&
      maven_zip org.opensearch.distribution.integ-test-zip:opensearch:$OPENSEARCH_VERSION "$context/opensearch.zip" &&
      maven_zip org.opensearch.plugin:opensearch-security:$OPENSEARCH_VERSION.0 "$context/security.zip" &&
      build_image "$1" --build-arg BASE_IMAGE=davit-base/debian:trixie -t "$1" "$context"
  } || rc=$?
  rm -rf "$context"
  return "$rc"
}
# On this machine, since containers need not reach the registry. What was fetched stays in Maven's own repository.
maven_zip() { # GROUP:ARTIFACT:VERSION FILE
  local found
  command -v mvn >/dev/null 2>&1 || apt_install maven || return
  found=$(mktemp -d "${TMPDIR:-/var/tmp}/davit-maven.XXXXXX") || return
  quietly "fetching $1" mvn -q -B dependency:copy "-Dartifact=$1:zip" "-DoutputDirectory=$found" &&
    mv "$found"/*.zip "$2" && rmdir "$found"
}

# davit-bench:tools: the toolchain, and what davit is compared with.
ensure_bench_tools() {
  local recipe image
  recipe="FROM $(toolchain_image)
RUN apt-get install -y -q --no-install-recommends borgbackup rclone restic"
  image=davit-bench:$(hash_of <<<"$recipe")
  has_image "$image" || quietly "building $image" docker build -q -t "$image" - <<<"$recipe" || return
  docker tag "$image" davit-bench:tools
}

# --- running in the toolchain ---------------------------------------------------------------------------------------

# toolchain [DOCKER-OPTIONS…] -- COMMAND…: in the toolchain image, with the checkout at its own path.
toolchain() {
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  docker run --rm --init -v "$DAVIT_ROOT:$DAVIT_ROOT" -w "$DAVIT_ROOT" "${options[@]}" "$(toolchain_image)" "$@"
}

# compiler [DOCKER-OPTIONS…] -- COMMAND…: the same with ccache, which all checkouts share: so paths count from the checkout.
compiler() {
  toolchain -v davit-ccache:/ccache -e CCACHE_DIR=/ccache -e "CCACHE_BASEDIR=$DAVIT_ROOT" -e CCACHE_NOHASHDIR=1 \
    -e CCACHE_MAXSIZE=4G -e HOME=/tmp "$@"
}

# compose …: Compose v2 on the host where it is there, else the toolchain's. Run it in (or below) the project directory.
compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose "$@"
  else
    local variable options=()
    for variable in $(compgen -e | grep -E '^(DAVIT_|COMPOSE_)'); do options+=(-e "$variable"); done
    docker run --rm --init -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD:$PWD" -w "$PWD" \
      "${options[@]}" "$(toolchain_image)" docker compose "$@"
  fi
}
