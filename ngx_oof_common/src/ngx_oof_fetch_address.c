
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/* which addresses are of the public internet */


typedef struct {
    uint32_t                 addr;
    ngx_uint_t               bits;
} ngx_oof_fetch_net_t;


static ngx_uint_t ngx_oof_fetch_public_v4(uint32_t addr);
#if (NGX_HAVE_INET6)
static ngx_uint_t ngx_oof_fetch_public_v6(u_char *p);
static uint32_t ngx_oof_fetch_word(u_char *p);
#endif


/* what the registry of special-purpose addresses takes out (RFC 6890) */

static ngx_oof_fetch_net_t  ngx_oof_fetch_special[] = {
    { 0x00000000, 8 },     /* 0.0.0.0/8: this network */
    { 0x0a000000, 8 },     /* 10.0.0.0/8: private */
    { 0x64400000, 10 },    /* 100.64.0.0/10: shared */
    { 0x7f000000, 8 },     /* 127.0.0.0/8: this host */
    { 0xa9fe0000, 16 },    /* 169.254.0.0/16: link, and clouds' metadata */
    { 0xac100000, 12 },    /* 172.16.0.0/12: private */
    { 0xc0000000, 24 },    /* 192.0.0.0/24: protocols */
    { 0xc0000200, 24 },    /* 192.0.2.0/24: documentation */
    { 0xc0586300, 24 },    /* 192.88.99.0/24: relays of 6to4 */
    { 0xc0a80000, 16 },    /* 192.168.0.0/16: private */
    { 0xc6120000, 15 },    /* 198.18.0.0/15: benchmarks */
    { 0xc6336400, 24 },    /* 198.51.100.0/24: documentation */
    { 0xcb007100, 24 },    /* 203.0.113.0/24: documentation */
    { 0xe0000000, 4 },     /* 224.0.0.0/4: multicast */
    { 0xf0000000, 4 },     /* 240.0.0.0/4: reserved, broadcast */
    { 0, 0 }
};


ngx_uint_t
ngx_oof_fetch_public(struct sockaddr *sockaddr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        return ngx_oof_fetch_public_v4(ntohl(sin->sin_addr.s_addr));

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        return ngx_oof_fetch_public_v6(sin6->sin6_addr.s6_addr);
#endif

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_oof_fetch_public_v4(uint32_t addr)
{
    ngx_oof_fetch_net_t  *net;

    for (net = ngx_oof_fetch_special; net->bits; net++) {
        if ((addr ^ net->addr) >> (32 - net->bits) == 0) {
            return 0;
        }
    }

    return 1;
}


#if (NGX_HAVE_INET6)

static ngx_uint_t
ngx_oof_fetch_public_v6(u_char *p)
{
    uint32_t  w[4];

    w[0] = ngx_oof_fetch_word(p);
    w[1] = ngx_oof_fetch_word(p + 4);
    w[2] = ngx_oof_fetch_word(p + 8);
    w[3] = ngx_oof_fetch_word(p + 12);

    /* an IPv4 address in disguise: ::ffff:0:0/96, 64:ff9b::/96 */

    if (w[0] == 0 && w[1] == 0 && w[2] == 0x0000ffff) {
        return ngx_oof_fetch_public_v4(w[3]);
    }

    if (w[0] == 0x0064ff9b && w[1] == 0 && w[2] == 0) {
        return ngx_oof_fetch_public_v4(w[3]);
    }

    /* nothing but 2000::/3 is routed, and of it not these */

    if (w[0] >> 29 != 1
        || w[0] >> 9 == 0x20010000 >> 9     /* 2001::/23: protocols */
        || w[0] == 0x20010db8               /* 2001:db8::/32: documentation */
        || w[0] >> 16 == 0x2002             /* 2002::/16: 6to4 */
        || w[0] >> 12 == 0x3fff0000 >> 12)  /* 3fff::/20: documentation */
    {
        return 0;
    }

    return 1;
}


static uint32_t
ngx_oof_fetch_word(u_char *p)
{
    return (uint32_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

#endif
