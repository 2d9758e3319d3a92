# shellcheck shell=bash
#
# nginx's source and its builds.  var/build/KIND/nginx is the binary.

: "${root:?}" "${OOF_VAR:?}"

# each release and the checksum of its source

nginx_new=1.30.6
nginx_new_sum=3cf46f5ed7504d460125866b7bea99fb357f31d887e2e63b35503310e9b8b6c8
nginx_old=1.26.3
nginx_old_sum=69ee2b237744036e61d24b836668aad3040dda461fe6f570f1787eab570c75aa

OOF_HEADERS_VERSION=1.30.6
headers_deb=pool/main/n/nginx/nginx-dev_1.30.6-2_all.deb
headers_sum=4068dbe6b8107ee9f8f12401761389c37af86295f87c01fefa358fa1115a6a2b

nginx_options=(
    --with-threads
    --with-pcre
    --with-http_ssl_module
    --with-http_v2_module
    --with-http_realip_module
    --with-http_auth_request_module
    --with-http_stub_status_module
)

# what modules built for another nginx need of it

nginx_dynamic_options=(--with-compat --with-threads --with-http_ssl_module
    --with-http_v2_module --with-http_realip_module)

oof_modules=(ngx_oof_common ngx_oof_consent ngx_oof_payments)


# nginx_source: makes var/src/nginx-VERSION and var/src/version; of the sources
# that can be reached the newest

nginx_source() {
    local version

    mkdir -p "$OOF_VAR/src" "$OOF_VAR/download" || return

    if version=$(cat "$OOF_VAR/src/version" 2> /dev/null) \
        && [ -x "$OOF_VAR/src/nginx-$version/configure" ]
    then
        return
    fi

    for version in $nginx_new $nginx_old; do
        if nginx_fetch "$version"; then
            nginx_unpack "$version"
            return
        fi
    done

    echo "neither upstream nor this machine's mirrors have a known nginx source"
    return 1
}


nginx_fetch() {
    local tar=$OOF_VAR/download/nginx-$1.tar.gz sum=$nginx_old_sum

    if [ "$1" = $nginx_new ]; then
        sum=$nginx_new_sum
    fi

    if echo "$sum  $tar" | sha256sum -c --status - 2> /dev/null; then
        return
    fi

    if curl -fsSL --connect-timeout 5 --max-time 120 -o "$tar.part" \
        "https://nginx.org/download/nginx-$1.tar.gz" < /dev/null \
        && echo "$sum  $tar.part" | sha256sum -c -
    then
        mv "$tar.part" "$tar"
        echo "upstream" > "$tar.from"
        return
    fi

    rm -f "$tar.part"

    if pool_get "pool/main/n/nginx/nginx_$1.orig.tar.gz" "$sum" "$tar"; then
        echo "the distribution's archive" > "$tar.from"
        return
    fi

    return 1
}


nginx_unpack() {
    local dir=$OOF_VAR/src/nginx-$1

    rm -rf "$dir" "$dir.new"
    mkdir "$dir.new" || return
    tar -xzf "$OOF_VAR/download/nginx-$1.tar.gz" -C "$dir.new" \
        --strip-components=1 --no-same-owner || return
    mv "$dir.new" "$dir" || return
    echo "$1" > "$OOF_VAR/src/version"
}


# the modules that have something to build, and all files of theirs that
# configure looks at, by name or by content

nginx_modules() {
    local module

    for module in "${oof_modules[@]}"; do
        if [ -f "$root/$module/config" ]; then
            echo "$root/$module"
        fi
    done
}


nginx_inputs() {
    local module

    printf '%s\n' "$@"

    for module in $(nginx_modules); do
        cat "$module"/config*
        find "$module" -name '*.[ch]' -o -name '*.sql' | LC_ALL=C sort
    done

    cat "$root/ngx_oof_common/sql2c"
    "${CC_WORDS[@]}" --version
}


# nginx_make KIND DIR SOURCE TARGET OPTION …: configure only when something
# that it looks at has changed; all else is make's to judge

nginx_make() {
    local kind=$1 dir=$2 source=$3 target=$4 sum
    shift 4

    local CC_WORDS
    read -r -a CC_WORDS <<< "${CC:-gcc}"

    lock build

    set -- --builddir="$dir" --with-cc="${CC:-gcc}" "$@"
    sum=$(nginx_inputs "$source" "$@" | sha256sum) || return

    cd "$source" || return

    if [ "$sum" != "$(cat "$dir/oof.sum" 2> /dev/null)" ]; then
        rm -f "$dir/oof.sum"
        mkdir -p "$dir" || return

        # the tests of configure leak, which is no news
        ASAN_OPTIONS=detect_leaks=0 ./configure "$@" || return
        echo "$sum" > "$dir/oof.sum"
    fi

    echo "making $kind"
    make -f "$dir/Makefile" -j "$(jobs_count)" "$target"
}


nginx_build() {
    local kind=$1 version source options=("${nginx_options[@]}") module

    step "nginx source" source nginx_source
    version=$(cat "$OOF_VAR/src/version")
    source=$OOF_VAR/src/nginx-$version

    options+=(
        --prefix=/etc/nginx
        --error-log-path=stderr
    )

    case $kind in
    sanitize)
        options+=(--with-debug
            --with-cc-opt="-O1 -g -fsanitize=address,undefined \
-fno-omit-frame-pointer -DNGX_DEBUG_PALLOC=1 -DNGX_SUPPRESS_WARN=1"
            --with-ld-opt="-fsanitize=address,undefined") ;;
    dynamic)
        options+=(--with-compat --with-cc-opt="-O2 -g") ;;
    *)
        options+=(--with-cc-opt="-O2 -g -fstack-protector-strong \
-D_FORTIFY_SOURCE=2" --with-ld-opt="-Wl,-z,relro,-z,now") ;;
    esac

    for module in $(nginx_modules); do
        if [ "$kind" = dynamic ]; then
            options+=(--add-dynamic-module="$module")
        else
            options+=(--add-module="$module")
        fi
    done

    step "nginx $version ($(nginx_from "$version")), $kind build" \
        "build-$kind" nginx_make "$kind" "$OOF_VAR/build/$kind" "$source" \
        build "${options[@]}"
}


nginx_from() {
    cat "$OOF_VAR/download/nginx-$1.tar.gz.from" 2> /dev/null \
        || echo "found in var/download"
}


# nginx_headers: the modules against the headers of a newer release, as the
# distribution ships them for building modules

nginx_headers() {
    local dir=$OOF_VAR/src/headers-$OOF_HEADERS_VERSION options=() module

    if [ ! -x "$dir/configure" ]; then
        step "headers of nginx $OOF_HEADERS_VERSION" headers \
            nginx_headers_get "$dir"
    fi

    for module in $(nginx_modules); do
        options+=(--add-dynamic-module="$module")
    done

    step "modules against nginx $OOF_HEADERS_VERSION" build-headers \
        nginx_make headers "$OOF_VAR/build/headers" "$dir" modules \
        "${nginx_dynamic_options[@]}" --with-cc-opt="-O2 -g" "${options[@]}"

    # nginx's own flags make an error of a warning

    if grep -q 'warning:' "$OOF_VAR/log/build-headers.log"; then
        die "warnings in $OOF_VAR/log/build-headers.log"
    fi
}


nginx_headers_get() {
    local deb=$OOF_VAR/download/${headers_deb##*/}

    pool_get $headers_deb $headers_sum "$deb" || return
    rm -rf "$1" "$1.new"
    mkdir -p "$1.new" || return
    dpkg-deb -x "$deb" "$1.new" || return
    mv "$1.new/usr/share/nginx/src" "$1" || return
    rm -rf "$1.new"
}
