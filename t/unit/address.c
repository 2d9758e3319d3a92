
/*
 * Copyright (C) oof authors
 */


#include "tap.h"

#include <arpa/inet.h>


/* which addresses a third party's host may have (spec 4.1; RFC 6890) */


static ngx_uint_t
judged(const char *text)
{
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    ngx_memzero(&sin, sizeof(sin));
    ngx_memzero(&sin6, sizeof(sin6));

    if (inet_pton(AF_INET, text, &sin.sin_addr) == 1) {
        sin.sin_family = AF_INET;
        return ngx_oof_fetch_public((struct sockaddr *) &sin);
    }

    if (inet_pton(AF_INET6, text, &sin6.sin6_addr) == 1) {
        sin6.sin6_family = AF_INET6;
        return ngx_oof_fetch_public((struct sockaddr *) &sin6);
    }

    return 2;
}


int
main(int argc, char *const *argv)
{
    const char       **p;
    struct sockaddr    sa;
    static const char *public[] = {
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255",
        "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0",
        "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
        "198.51.99.255", "198.51.101.0", "200.160.2.3", "203.0.112.255",
        "203.0.114.0", "223.255.255.255",
        "2001:4860:4860::8888", "2001:200::1", "2804:14d::1", "2000::1",
        "2003::1", "3ffe::1", "3fff:1000::1", "2001:db9::1",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", NULL
    };
    static const char *special[] = {
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255",
        "192.0.0.1", "192.0.2.255", "192.88.99.1", "192.168.0.0",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7",
        "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.0",
        "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
        "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:0:1::1", "2001:1ff::1",
        "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1",
        "3fff:fff::1", "4000::1", "fc00::1", "fd12:3456::1", "fe80::1",
        "febf::1", "fec0::1", "ff02::1", "1fff::1", "fd00:ec2::254", NULL
    };

    tap_start(argc, argv);

    for (p = public; *p; p++) {
        is_int(judged(*p), 1, "%s is public", *p);
    }

    for (p = special; *p; p++) {
        is_int(judged(*p), 0, "%s is not", *p);
    }

    ngx_memzero(&sa, sizeof(sa));
    sa.sa_family = AF_UNIX;
    is_int(ngx_oof_fetch_public(&sa), 0, "a path is no address");

    return tap_done();
}
