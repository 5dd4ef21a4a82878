# Three stages: `toolchain` builds and tests davit (scripts/dev runs everything in it), `build` compiles the static
# binary, and the last one is the product. Kept to what the classic builder knows, so that no buildx is needed.
ARG BASE_IMAGE=debian:trixie-slim
# What the product is compiled in. The scripts name an image of the toolchain that has a compiler's cache in /ccache: that
# changes how long it takes, and nothing else.
ARG BUILD_FROM=toolchain

FROM ${BASE_IMAGE} AS toolchain
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
# Base images differ in where their sources stand: one-line style (mmdebstrap) or deb822 (the official image).
RUN set -eu; \
    if [ -s /etc/apt/sources.list ]; then \
      sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > /etc/apt/sources.list.d/src.list; \
    fi; \
    for f in /etc/apt/sources.list.d/*.sources; do \
      [ ! -e "$f" ] || sed -i 's/^Types: deb$/Types: deb deb-src/' "$f"; \
    done; \
    apt-get update -q; \
    apt-get install -y -q --no-install-recommends \
      acl attr bison busybox-static ca-certificates catch2 ccache clang-19 clang-format-19 clang-tidy-19 cmake curl \
      docker-cli docker-compose dpkg-dev file flex g++ git iproute2 jq libacl1-dev libarchive-dev libattr1-dev \
      libcap2-bin libclang-rt-19-dev libcli11-dev libcurl4-openssl-dev libfmt-dev libpq-dev libspdlog-dev libssl-dev \
      libzstd-dev make mold ninja-build nlohmann-json3-dev openssl perl pkgconf postgresql-client procps python3 \
      python3-pytest shellcheck strace time tzdata util-linux xz-utils zlib1g-dev zstd

# Debian's static archives cannot be linked as they are: curl and libpq want gssapi, which has none, and libzstd.a has no
# threads. So those four are built again from Debian's own source packages, with only what davit uses.
WORKDIR /usr/src/davit-static
# Mirrors of the security archive may be behind with their sources: then the release's own source does.
RUN printf '#!/bin/sh -e\n. /etc/os-release\napt-get source -q "$1" || apt-get source -q "$1/$VERSION_CODENAME"\n' \
      > /usr/local/bin/debian-source; chmod +x /usr/local/bin/debian-source
ENV STATIC_CMAKE="-G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/opt/davit-static \
-DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF"
RUN set -eu; debian-source libzstd; cd libzstd-*/; \
    make -C lib -j2 CFLAGS=-O2 libzstd.a-mt > /dev/null; \
    make -C lib PREFIX=/opt/davit-static install-static install-includes; \
    nm -C /opt/davit-static/lib/libzstd.a | grep -q ' T POOL_create'; \
    cd ..; rm -rf libzstd*
RUN set -eu; debian-source libarchive; cd libarchive-*/; \
    cmake $STATIC_CMAKE -B out -DENABLE_TEST=OFF -DENABLE_TAR=OFF -DENABLE_CPIO=OFF -DENABLE_CAT=OFF -DENABLE_UNZIP=OFF \
      -DENABLE_OPENSSL=OFF -DENABLE_NETTLE=OFF -DENABLE_LIBXML2=OFF -DENABLE_EXPAT=OFF -DENABLE_LZMA=OFF \
      -DENABLE_LZO=OFF -DENABLE_BZip2=OFF -DENABLE_LZ4=OFF -DENABLE_ZSTD=OFF -DENABLE_ZLIB=OFF -DENABLE_ICONV=OFF \
      -DENABLE_PCREPOSIX=OFF -DENABLE_PCRE2POSIX=OFF -DENABLE_LIBB2=OFF -DENABLE_ACL=ON -DENABLE_XATTR=ON; \
    ninja -C out install > /dev/null; \
    grep -q 'define ARCHIVE_ACL_LIBACL 1' out/config.h; grep -q 'define ARCHIVE_XATTR_LINUX 1' out/config.h; \
    cd ..; rm -rf libarchive*
RUN set -eu; debian-source curl; cd curl-*/; \
    cmake $STATIC_CMAKE -B out -DBUILD_CURL_EXE=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF \
      -DENABLE_CURL_MANUAL=OFF -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DCURL_USE_GSSAPI=OFF -DCURL_USE_LIBPSL=OFF \
      -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF -DUSE_NGHTTP2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_ZLIB=OFF \
      -DENABLE_UNIX_SOCKETS=ON -DENABLE_THREADED_RESOLVER=ON -DENABLE_ARES=OFF -DCURL_DISABLE_NTLM=ON \
      -DCURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt -DCURL_CA_PATH=none; \
    ninja -C out install > /dev/null; \
    cd ..; rm -rf curl*
RUN set -eu; debian-source postgresql-17; cd postgresql-17-*/; \
    ./configure -q --prefix=/opt/davit-static CFLAGS=-O2 --with-openssl --without-icu --without-readline --without-zlib \
      --without-gssapi --without-ldap; \
    make -s -C src/backend generated-headers; \
    make -s -C src/common -j2; make -s -C src/port -j2; \
    make -s -C src/interfaces/libpq -j2 libpq.a; \
    : the _shlib ones go with libpq: the others have the encoding functions under private names; \
    cp src/interfaces/libpq/libpq.a src/common/libpgcommon_shlib.a src/port/libpgport_shlib.a \
      /opt/davit-static/lib/; \
    cp src/interfaces/libpq/libpq-fe.h src/interfaces/libpq/libpq-events.h src/include/postgres_ext.h \
      src/include/pg_config_ext.h /opt/davit-static/include/; \
    cd ..; rm -rf postgresql*
WORKDIR /

FROM ${BUILD_FROM} AS build
ENV CCACHE_DIR=/ccache CCACHE_BASEDIR=/davit CCACHE_NOHASHDIR=1
WORKDIR /davit
COPY CMakeLists.txt CMakePresets.json ./
COPY scripts/rootfs ./scripts/
COPY src ./src
RUN set -eu; cmake --preset release-static > /dev/null; \
    cmake --build --preset release-static --target davit; \
    scripts/rootfs build/release-static/davit /rootfs

FROM scratch
COPY --from=build /rootfs/ /
ENTRYPOINT ["/davit"]
