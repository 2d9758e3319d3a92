# shellcheck shell=bash
#
# The image for arm64, made on a machine of another kind and not run there: a
# cross compiler, the target's packages unpacked beside the machine's own, and a
# root file system of those that the image needs.

: "${root:?}" "${OOF_VAR:?}" "${image_name:?}"

cross_arch=arm64
cross_gnu=aarch64-linux-gnu

# what debian:bookworm-slim would have brought and the image's scripts use

cross_base=(base-files base-passwd bash coreutils dash debianutils dpkg
    findutils grep libc-bin libcrypt1 mawk openssl sed tar)


# apt with lists, a cache and a state of the target's; nothing is installed

cross_apt() {
    local dir=$OOF_VAR/cross/apt

    mkdir -p "$dir/lists/partial" "$dir/archives/partial" || return

    apt-get -q -y -o APT::Architecture=$cross_arch \
        -o APT::Architectures=$cross_arch -o Dir::State::Lists="$dir/lists" \
        -o Dir::State::status=/dev/null -o Dir::Cache="$dir" \
        -o Dir::Cache::archives="$dir/archives" -o APT::Sandbox::User=root \
        -o Debug::NoLocking=true -o Acquire::Retries=3 "$@"
}


# cross_unpack DIR PACKAGE …: these and what they depend on, and dpkg's record

cross_unpack() {
    local dir=$1 archives=$OOF_VAR/cross/apt/archives deb name
    shift

    rm -rf "$dir" "$archives"/*.deb
    mkdir -p "$dir/usr/bin" "$dir/usr/sbin" "$dir/usr/lib" \
        "$dir/var/lib/dpkg/info" || return

    for name in bin sbin lib; do
        ln -s usr/$name "$dir/$name" || return
    done

    cross_apt install --download-only --no-install-recommends "$@" || return

    for deb in "$archives"/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" \
            | tar -x --keep-directory-symlink -C "$dir" || return
        dpkg-deb -f "$deb" \
            | sed '1a Status: install ok installed' || return
        echo
    done > "$dir.status"

    mv "$dir.status" "$dir/var/lib/dpkg/status"
}


# The names that configure asks for: a compiler of the target, whose tests run
# on this machine, too, as all that they ask for (sizes, the order of bytes,
# calls of Linux) is the same on both.

cross_tools() {
    local dir=$OOF_VAR/cross/bin sysroot=$OOF_VAR/cross/sysroot

    mkdir -p "$dir" || return

    cat > "$dir/cc" <<END
#!/bin/sh
$cross_gnu-gcc --sysroot=$sysroot "\$@" || exit
case " \$* " in *"/autotest "*) exec gcc "\$@"; esac
END

    cat > "$dir/uname" <<'END'
#!/bin/sh
if [ "$*" = -m ]; then echo aarch64; else exec /usr/bin/uname "$@"; fi
END

    cat > "$dir/pg_config" <<END
#!/bin/sh
echo $sysroot/usr/include/postgresql
END

    chmod 755 "$dir"/*
}


cross_nginx() {
    local version

    version=$(cat "$OOF_VAR/src/version") || return
    cross_tools || return

    # shellcheck disable=SC2046,SC2154
    PATH=$OOF_VAR/cross/bin:$PATH CC=$OOF_VAR/cross/bin/cc \
        nginx_make cross "$OOF_VAR/build/$cross_arch" \
        "$OOF_VAR/src/nginx-$version" build "${nginx_options[@]}" \
        --prefix=/etc/nginx --error-log-path=stderr \
        --with-cc-opt="-O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2" \
        --with-ld-opt="-Wl,-z,relro,-z,now" \
        $(nginx_modules | sed 's/^/--add-module=/')
}


# The root: what maintainers' scripts would have made, without running them

cross_root() {
    local dir=$OOF_VAR/cross/root out=$OOF_VAR/cross/out

    rm -rf "$out"

    OOF_STAGE_NGINX=$OOF_VAR/build/$cross_arch/nginx \
    OOF_STAGE_PSQL=$OOF_VAR/cross/client/usr/lib/postgresql/15/bin/psql \
    OOF_STAGE_STRIP=$cross_gnu-strip \
    OOF_STAGE_VERSION=$(cat "$OOF_VAR/src/version") \
        "$root/image/stage" "$out" || return

    cp -a "$out/." "$dir/" || return

    cp "$dir/usr/share/base-passwd/passwd.master" "$dir/etc/passwd" || return
    cp "$dir/usr/share/base-passwd/group.master" "$dir/etc/group" || return
    echo "oof:*:10001:10001::/:/usr/sbin/nologin" >> "$dir/etc/passwd"
    echo "oof:*:10001:" >> "$dir/etc/group"
    mkdir -p "$dir/etc/ssl/certs" || return
    cat "$dir"/usr/share/ca-certificates/*/*.crt \
        > "$dir/etc/ssl/certs/ca-certificates.crt" || return
    ln -sf dash "$dir/usr/bin/sh"
    ln -sf mawk "$dir/usr/bin/awk"

    rm -rf "$dir"/usr/share/man "$dir"/usr/share/locale "$dir"/usr/share/info
    find "$dir/usr/share/doc" -type f ! -name copyright -delete

    DPKG_ADMINDIR=$dir/var/lib/dpkg OOF_SHARE=$dir/usr/share/oof \
        "$root/image/oof" sbom "$(image_version)" \
        > "$dir/usr/share/oof/sbom.cdx.json" || return

    cross_needs "$dir"
}


# each program and library is the target's, and what it needs is there

cross_needs() {
    local file need bad=0

    while read -r file; do
        readelf -h "$file" 2> /dev/null | grep -q 'Machine: *AArch64' \
            || { echo "$file is of another machine"; bad=1; }

        for need in $(readelf -d "$file" 2> /dev/null \
            | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
        do
            [ -e "$1/usr/lib/$cross_gnu/$need" ] || [ -e "$1/usr/lib/$need" ] \
                || { echo "$file needs $need"; bad=1; }
        done
    done < <(printf '%s\n' "$1"/usr/sbin/nginx "$1"/usr/bin/psql \
                 "$1"/usr/bin/bash "$1"/usr/bin/openssl
             find "$1/usr/lib/$cross_gnu" -maxdepth 1 -type f \
                 -name 'lib*.so.*')

    [ $bad -eq 0 ] && echo "machine and needed libraries agree"
}


cross_image() {
    local work

    work=$(buildah from --arch $cross_arch scratch) || return
    buildah add -q "$work" "$OOF_VAR/cross/root" / || return
    buildah config --arch $cross_arch --os linux --user 10001:10001 \
        --port 8443 --port 8080 --port 9443 --stop-signal SIGQUIT \
        --entrypoint '["oof"]' --cmd serve \
        --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --label org.opencontainers.image.title=oof \
        --label org.opencontainers.image.version="$(image_version)" \
        --label org.opencontainers.image.revision="$(image_revision)" \
        "$work" || return
    buildah commit -q --format docker --rm "$work" \
        "$image_name:$(image_version)-$cross_arch"
}


# links to "/…" would lead out of it, and the linker take what is static

cross_sysroot() {
    local dir=$OOF_VAR/cross/sysroot link

    # without the machine's own gcc, make and libc6-dev
    # shellcheck disable=SC2154
    cross_unpack "$dir" libc6-dev libgcc-12-dev "${deps_build[@]:3}" || return

    find "$dir" -type l -lname '/*' | while read -r link; do
        ln -sfn "$dir$(readlink "$link")" "$link"
    done
}


cross_fetch() {
    cross_apt update || return
    cross_sysroot || return
    cross_unpack "$OOF_VAR/cross/client" postgresql-client-15 || return
    # shellcheck disable=SC2046
    cross_unpack "$OOF_VAR/cross/root" "${cross_base[@]}" \
        $(cat "$root/image/packages")
}


command_image_cross() {
    deps_install gcc-$cross_gnu libc6-dev-$cross_arch-cross buildah \
        "${deps_build[@]}"
    step "nginx source" source nginx_source
    step "packages of $cross_arch" cross-fetch cross_fetch
    step "nginx for $cross_arch" cross-nginx cross_nginx
    step "root file system of $cross_arch" cross-root cross_root
    step "image $image_name:$(image_version)-$cross_arch, by buildah" \
        cross-image cross_image
    echo "cross-built, not run: $(tail -n 1 "$OOF_VAR/log/cross-root.log")"
}
