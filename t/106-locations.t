#!/usr/bin/perl

# Copyright (C) oof authors

# Where an API stands: settings of the location itself, and the locations
# without a name that "if" and "limit_except" make.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $api = $Test::Oof::Api;


# one line of an error: status, type, code

sub told {
    my ($r) = @_;

    return join ' ', $r->{status}, $r->{headers}{'content-type'} // '-',
           eval { decoded($r->{body})->{errors}[0]{code} } // '-';
}


# --- "if" and "limit_except"

my $o = Test::Oof->start(locations => <<"END");
        location $api/ {
            oof_api consents v3;

            if (\$arg_x) {
                set \$seen 1;
            }

            if (\$arg_to = other) {
                proxy_pass http://127.0.0.1:@{[ my $other = free_port() ]};
            }

            limit_except GET POST {
                deny all;
            }
        }
END

my $r = $o->call('POST', "$api/consents?x=1", json => consent_body());
is($r->{status}, 201, '"if": the API answers');
schema_ok('consents-v3 POST /consents', $r);

my $id = decoded($r->{body})->{data}{consentId};

$r = $o->call('GET', "$api/consents/$id?x=1");
is($r->{status}, 200, '"if": what was made is there');

is(told($o->call('GET', "$api/consents/$id?x=1", token => undef)),
   '401 application/json; charset=utf-8 UNAUTHORIZED',
   '"if": who calls is judged');
is(told($o->call('POST', "$api/consents?x=1", body => 'x' x 70000)),
   '413 application/json; charset=utf-8 PAYLOAD_TOO_LARGE',
   '"if": the limit of a body');
is(told($o->call('GET', "$api/consents/$id?to=other", token => undef)),
   '401 application/json; charset=utf-8 UNAUTHORIZED',
   'a proxy in "if" is guarded as the API is');
is(told($o->call('GET', "$api/consents/$id?to=other")),
   '502 application/json; charset=utf-8 BAD_GATEWAY',
   'and serves who is let in');

is(told($o->call('DELETE', "$api/consents/$id")),
   '403 application/json; charset=utf-8 FORBIDDEN',
   '"limit_except": what it denies');
$r = $o->call('GET', "$api/consents/$id");
is($r->{status}, 200, '"limit_except": what it lets through');

$o->stop;

$o = Test::Oof->start(locations => <<"END");
        location $api/ {
            oof_api consents v3;
            limit_except GET POST { allow all; }
        }
END

is(told($o->call('DELETE', "$api/consents/$id", token => undef)),
   '401 application/json; charset=utf-8 UNAUTHORIZED',
   '"limit_except": who calls is judged');
is($o->call('DELETE', "$api/consents/$id")->{status}, 204,
   '"limit_except": the API answers');

$o->stop;


# --- readiness: no database can be reached

$o = Test::Oof->start(defaults => 0, http => <<'END',
    oof_database down {
        connect "host=/nonexistent dbname=down";
    }
END
                      management_server => <<'END');
        location = /odd { oof_health ready; if ($arg_x) { set $seen 1; } }
END

is($o->get('/odd')->{status}, 503, 'not ready');
is($o->get('/odd?x=1')->{status}, 503, '"if": not ready');

$o->stop;


# --- all settings in the location

$o = Test::Oof->start(defaults => 0, wait => 1,
                      http => http_defaults() . Test::Oof::header_defaults(),
                      locations => <<"END");
        location $api/ {
@{[ server_defaults() ]}
            oof_api consents v3;
        }

        location /other/ { return 404; }
END

is($o->call('POST', "$api/consents", json => consent_body())->{status}, 201,
   'settings of a location: the API answers');
is(told($o->call('POST', "$api/consents", body => 'x' x 70000)),
   '413 application/json; charset=utf-8 PAYLOAD_TOO_LARGE',
   'settings of a location: errors of nginx are JSON');
is(told($o->call('GET', '/other/')), '404 text/html -',
   'settings of a location: elsewhere they are nginx\'s');

done_testing();
