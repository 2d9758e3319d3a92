
/*
 * Copyright (C) oof authors
 */


#include "tap.h"

#include <ngx_oof_webhook_int.h>


/* how many calls at once each host may have */


static ngx_oof_webhook_hosts_t  hosts;


static ngx_oof_webhook_host_t *
begin(const char *name)
{
    ngx_str_t  host;

    host = str(name);

    return ngx_oof_webhook_host_begin(&hosts, &host, tap_log);
}


static ngx_str_t *
written(void)
{
    ngx_oof_json_t    w;
    static ngx_str_t  text;

    ngx_oof_json_init(&w, tap_pool, 16);
    ngx_oof_webhook_hosts_write(&hosts, &w);
    ngx_oof_json_text(&w, &text);

    return &text;
}


static void
one_host(void)
{
    ngx_oof_webhook_host_t  *a, *b, *c;

    ngx_oof_webhook_hosts_init(&hosts, 8, 3);

    is_str(written(), "{}", "nobody is known");

    a = begin("one:443");
    is_int(hosts.running, 1, "one runs");
    is_int(hosts.doubtful, 0, "to a host of which nothing bad is known");
    is_str(written(), "{\"one:443\":0}", "which may have no other");
    is_int(ngx_oof_webhook_hosts_doubtful(&hosts), 4,
           "half of all are for bad ones");

    ngx_oof_webhook_host_end(&hosts, a, 1);
    is_int(hosts.running, 0, "it has ended well");
    is_str(written(), "{\"one:443\":2}", "and may have two");

    a = begin("one:443");
    b = begin("one:443");
    ok(a == b, "a host is known by its name");
    ngx_oof_webhook_host_end(&hosts, a, 1);
    ngx_oof_webhook_host_end(&hosts, b, 1);
    is_str(written(), "{\"one:443\":3}", "never more than the limit");

    a = begin("one:443");
    b = begin("one:443");
    c = begin("one:443");
    is_str(written(), "{\"one:443\":0}", "all are taken");
    is_int(hosts.doubtful, 0, "it is good");

    ngx_oof_webhook_host_slow(&hosts, a);
    is_int(hosts.doubtful, 3, "until one is slow");
    ngx_oof_webhook_host_slow(&hosts, a);
    is_int(hosts.doubtful, 3, "which counts once");

    ngx_oof_webhook_host_end(&hosts, a, 0);
    is_int(hosts.doubtful, 2, "one less");
    is_str(written(), "{\"one:443\":0}", "it may have one, and has two");
    ngx_oof_webhook_host_end(&hosts, b, 0);
    ngx_oof_webhook_host_end(&hosts, c, 0);
    is_int(hosts.doubtful, 0, "none");
    is_int(hosts.running, 0, "none at all");
    is_str(written(), "{\"one:443\":-1}", "it may have one, as a bad one");

    a = begin("one:443");
    is_int(hosts.doubtful, 1, "it is bad still");
    ngx_oof_webhook_host_end(&hosts, a, 1);
    is_int(hosts.doubtful, 0, "and then not any more");
    is_str(written(), "{\"one:443\":2}", "and grows again");
}


static void
dead_hosts(void)
{
    ngx_uint_t               i;
    ngx_oof_webhook_host_t  *dead[4], *good;
    const char              *names[] = { "a", "b", "c", "d" };

    ngx_oof_webhook_hosts_init(&hosts, 8, 8);

    for (i = 0; i < 4; i++) {
        dead[i] = begin(names[i]);
        ngx_oof_webhook_host_slow(&hosts, dead[i]);
    }

    is_int(ngx_oof_webhook_hosts_doubtful(&hosts), 0,
           "dead hosts have half of all calls");

    good = begin("good");
    is_int(hosts.doubtful, 4, "another is none of them");
    ngx_oof_webhook_host_end(&hosts, good, 1);
    is_int(ngx_oof_webhook_hosts_doubtful(&hosts), 0, "and leaves them none");

    ngx_oof_webhook_host_end(&hosts, dead[0], 0);
    is_int(ngx_oof_webhook_hosts_doubtful(&hosts), 1,
           "until one of them has ended");

    for (i = 1; i < 4; i++) {
        ngx_oof_webhook_host_end(&hosts, dead[i], 0);
    }

    is_int(hosts.running, 0, "none runs");
    is_int(hosts.doubtful, 0, "of either kind");
}


static void
many_hosts(void)
{
    u_char                   name[32];
    ngx_uint_t               i;
    ngx_oof_webhook_host_t  *first, *host;

    ngx_oof_webhook_hosts_init(&hosts, 16, 8);

    first = begin("first");

    for (i = 0; i < 3 * NGX_OOF_WEBHOOK_HOSTS; i++) {
        ngx_sprintf(name, "host-%ui%Z", i);
        host = begin((char *) name);
        ngx_oof_webhook_host_end(&hosts, host, i & 1);
    }

    is_int(hosts.n, NGX_OOF_WEBHOOK_HOSTS, "so many are remembered");
    ok(begin("first") == first, "one that is called is not forgotten");
    is_int(hosts.running, 2, "it has two");

    ngx_oof_webhook_hosts_free(&hosts);
    is_int(hosts.n, 0, "all are forgotten");
    is_str(written(), "{}", "none is written");
}


static void
names(void)
{
    ngx_oof_webhook_hosts_init(&hosts, 8, 8);

    (void) begin("a\"b\\c\xc3\xa9:1");
    is_str(written(), "{\"a\\\"b\\\\c\xc3\xa9:1\":0}", "a name is any text");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    one_host();
    dead_hosts();
    many_hosts();
    names();

    return tap_done();
}
