# shellcheck shell=bash
#
# Packages, all from the machine's own distribution, and the few files that
# come from the pool of its mirror by checksum.

: "${root:?}" "${OOF_VAR:?}"

deps_build=(gcc make libc6-dev libpcre2-dev zlib1g-dev libssl-dev libpq-dev
    libjansson-dev libcurl4-openssl-dev librdkafka-dev)

deps_run=(postgresql curl ca-certificates jq openssl python3
    python3-cryptography tzdata)

deps_test=(perl libio-socket-ssl-perl libcryptx-perl libjson-perl
    libfilter-perl libhttp-message-perl libipc-run-perl
    liblist-moreutils-perl libtest-base-perl libtest-longstring-perl
    libtext-diff-perl liburi-perl libwww-perl procps python3-jsonschema
    python3-yaml)

# what an image is made with beside these: psql, and a fetcher of sources

# shellcheck disable=SC2034
deps_image=(curl ca-certificates postgresql-client)

# shellcheck disable=SC2034
deps_bench=(wrk apache2-utils valgrind)

# Test::Nginx is in no stable release yet; nothing else is taken from there

test_nginx_deb=pool/main/libt/libtest-nginx-perl/libtest-nginx-perl_0.32.10.g8398ecb-1_all.deb
test_nginx_sum=ea9a9cf6b5276f071d32ac5f1660215fdd9bc0c10861858b530b05f1e16df356


deps_has() {
    case $1 in

    # any server from 14 on will do, whoever packaged it
    postgresql) pg_bin > /dev/null ;;

    *)  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2> /dev/null)" \
            = installed ] ;;
    esac
}


# the folder of initdb and postgres, the newest there is

pg_bin() {
    local version best=13

    for version in /usr/lib/postgresql/[0-9]*; do
        version=${version##*/}
        if [ -x "/usr/lib/postgresql/$version/bin/initdb" ] \
            && [ -x "/usr/lib/postgresql/$version/bin/postgres" ] \
            && [ "$version" -gt "$best" ]
        then
            best=$version
        fi
    done

    [ "$best" -ge 14 ] && echo "/usr/lib/postgresql/$best/bin"
}


as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        echo "not root, and no sudo to install: $missing" >&2
        return 1
    fi
}


apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef \
        "$@"
}


deps_apt() {
    apt_get update || return

    case " $* " in
    *" postgresql "*)
        deps_no_cluster "$@" ;;
    *)
        apt_get install --no-install-recommends "$@" ;;
    esac
}


# Debian's server package makes and starts a cluster when it is installed,
# which nobody asked for here: for this once it is told not to

deps_no_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf rc=0
    local line='create_main_cluster = false  # for oof'

    apt_get install --no-install-recommends postgresql-common || return

    echo "$line" | as_root tee -a $conf > /dev/null || return
    apt_get install --no-install-recommends "$@" || rc=$?
    as_root sed -i "/^$line\$/d" $conf

    return $rc
}


deps_install() {
    local package missing=""

    for package in "$@"; do
        deps_has "$package" || missing="$missing $package"
    done

    if [ -z "$missing" ]; then
        echo "packages ... there"
        return
    fi

    # shellcheck disable=SC2086
    step "packages:$missing" deps deps_apt $missing
}


# Packages of servers whose services nobody asked for: what installs them is
# told not to start any.

deps_install_idle() {
    local policy=/usr/sbin/policy-rc.d package missing="" rc=0

    for package in "$@"; do
        deps_has "$package" || missing="$missing $package"
    done

    if [ -z "$missing" ]; then
        return
    fi

    if [ -e $policy ]; then
        deps_install "$@"
        return
    fi

    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy > /dev/null
    as_root chmod 755 $policy
    (deps_install "$@") || rc=$?
    as_root rm -f $policy

    return $rc
}


deps_install_test() {
    local deb=$OOF_VAR/download/${test_nginx_deb##*/}

    deps_install "${deps_build[@]}" "${deps_run[@]}" "${deps_test[@]}"

    if [ ! -f "$OOF_VAR/perl/Test/Nginx/Socket.pm" ]; then
        step "Test::Nginx" test-nginx deps_test_nginx "$deb"
    fi
}


# The package is pure Perl: unpacked under var/, so that nothing of another
# release gets into the system

deps_test_nginx() {
    pool_get "$test_nginx_deb" "$test_nginx_sum" "$1" || return
    rm -rf "$OOF_VAR/perl.new" "$OOF_VAR/perl"
    mkdir -p "$OOF_VAR/perl.new" || return
    dpkg-deb -x "$1" "$OOF_VAR/perl.new" || return
    mv "$OOF_VAR/perl.new/usr/share/perl5" "$OOF_VAR/perl" || return
    rm -rf "$OOF_VAR/perl.new"
}


# the archives in the machine's own apt sources, one URI a line

mirrors() {
    local list

    {
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
            2> /dev/null || true
    } | sed -n 's/^ *deb \(\[[^]]*\] *\)\{0,1\} *\([^ ]*\) .*/\2/p' \
        > "$OOF_VAR/mirrors.new"

    {
        cat /etc/apt/sources.list.d/*.sources 2> /dev/null || true
    } | sed -n 's/^URIs: *//p' | tr ' ' '\n' >> "$OOF_VAR/mirrors.new"

    while read -r list; do
        case $list in
        mirror+file:*) sed 's/[ \t].*//' "${list#mirror+file:}" ;;
        ?*)            echo "$list" ;;
        esac
    done < "$OOF_VAR/mirrors.new" | sed 's,/*$,,' | awk '!seen[$0]++'

    rm -f "$OOF_VAR/mirrors.new"
}


# pool_get PATH SHA256 FILE: a file of the archive's pool, by apt's own means
# of transport, judged by the checksum alone

pool_get() {
    local mirror

    mkdir -p "$(dirname "$3")" || return

    for mirror in $(mirrors); do
        if /usr/lib/apt/apt-helper -o Acquire::Retries=1 \
            download-file "$mirror/$1" "$3.part" "SHA256:$2" < /dev/null \
            && echo "$2  $3.part" | sha256sum -c --quiet -
        then
            mv "$3.part" "$3"
            return
        fi
        rm -f "$3.part"
    done

    echo "no mirror of this machine has $1"
    return 1
}
