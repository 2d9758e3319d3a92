# shellcheck shell=bash
#
# The image, with the container engine that is there; without one by buildah,
# which needs no daemon, on a base that debootstrap makes when none can be had.

: "${root:?}" "${OOF_VAR:?}"

image_name=${OOF_IMAGE:-oof}
image_base=${OOF_IMAGE_BASE:-docker.io/library/debian:bookworm-slim}


image_version() {
    sed -n 's/^#define NGX_OOF_VERSION  *"\(.*\)"/\1/p' \
        "$root/ngx_oof_common/src/ngx_oof.h"
}


image_revision() {
    git -C "$root" rev-parse HEAD 2> /dev/null || echo unknown
}


# the engines that build and run; buildah builds

image_engine() {
    local engine

    if [ -n "${OOF_IMAGE_ENGINE-}" ]; then
        echo "$OOF_IMAGE_ENGINE"
        return
    fi

    for engine in docker podman; do
        if command -v $engine > /dev/null && $engine info > /dev/null 2>&1; then
            echo $engine
            return
        fi
    done

    echo buildah
}


# A Debian without what a slim image does not have either.  apt's settings are
# the machine's, mounted while the image is built: they are no part of it.

image_base_make() {
    local dir=$OOF_VAR/image/base mirror

    mirror=$(mirrors | head -n 1)
    rm -rf "$dir"
    mkdir -p "$OOF_VAR/image" || return

    debootstrap --variant=minbase bookworm "$dir" "$mirror" || return

    rm -rf "$dir"/var/lib/apt/lists/* "$dir"/var/cache/apt/*.bin \
        "$dir"/var/cache/apt/archives/*.deb "$dir"/var/log/* \
        "$dir"/usr/share/man/* "$dir"/usr/share/locale/* \
        "$dir"/usr/share/info/* "$dir"/etc/apt/sources.list || return
    find "$dir/usr/share/doc" -type f ! -name copyright -delete

    tar -C "$dir" -cf "$dir.tar" . || return
    rm -rf "$dir"
}


image_base_import() {
    local work

    work=$(buildah from scratch) || return
    buildah add -q "$work" "$OOF_VAR/image/base.tar" / || return
    buildah config --cmd /bin/bash \
        --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "$work" || return
    buildah commit -q --rm "$work" localhost/oof-base
}


image_buildah() {
    local base=$image_base mounts=()

    if ! buildah inspect --type image "$base" > /dev/null 2>&1 \
        && ! timeout 60 buildah pull -q "$base" > /dev/null 2>&1
    then
        base=localhost/oof-base
        mounts=(--volume /etc/apt:/etc/apt:ro)

        if [ ! -f "$OOF_VAR/image/base.tar" ]; then
            image_base_make || return
        fi

        if ! buildah inspect --type image $base > /dev/null 2>&1; then
            image_base_import || return
        fi
    fi

    echo "base: $base"
    echo "$base" > "$OOF_VAR/image/base.name"

    buildah bud --layers --isolation chroot --format docker --network host \
        --build-arg BASE="$base" \
        --build-arg VERSION="$(image_version)" \
        --build-arg REVISION="$(image_revision)" \
        "${mounts[@]}" -t "$image_name:$(image_version)" "$root"
}


image_daemon() {
    "$1" build --build-arg VERSION="$(image_version)" \
        --build-arg REVISION="$(image_revision)" \
        -t "$image_name:$(image_version)" "$root"
}


command_image() {
    local engine

    case ${1-} in
    "")     ;;
    arm64)  command_image_cross
            return ;;
    *)      die "image for \"$1\": this machine's own (no word) or arm64" ;;
    esac

    engine=$(image_engine)
    mkdir -p "$OOF_VAR/image"

    if [ "$engine" = buildah ]; then
        deps_install buildah debootstrap
        step "image $image_name:$(image_version), by buildah" image \
            image_buildah
        echo "base: $(cat "$OOF_VAR/image/base.name")"
    else
        step "image $image_name:$(image_version), by $engine" image \
            image_daemon "$engine"
    fi
}
