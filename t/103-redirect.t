#!/usr/bin/perl

# Copyright (C) oof authors

# Our handlers beside error_page, try_files, rewrite, auth_request and satisfy:
# the interaction id stays, what was decided is not decided twice, nothing gets
# in undecided, and everything is counted once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Oof;
use Test::Oof::Echo;
use Test::More;

my $up = free_port();

my $o = echo(
    server => 'access_log logs/oof.log oof;',
    locations => <<"END",
        # somebody else's prefix
        location /bank/ {
            rewrite ^/bank/(.*)\$ /echo/v1/\$1 break;
            oof_api echo v1;
        }
        location = /exact { rewrite ^ /echo/v1/items/exact break;
                            oof_api echo v1; }
        location ~ ^/echo/v1/items/re-(.*)\$ { oof_api echo v1; }

        # nothing of ours decides, then a named location
        location /try/ {
            rewrite ^/try/(.*)\$ /echo/v1/\$1 break;
            root /nowhere;
            try_files \$uri \@echo;
        }
        location /page/ { error_page 404 = \@page; return 404; }
        location /page-status/ { error_page 404 \@page; return 404; }
        location /page-uri/ { error_page 404 = /echo/v1/items/paged;
                              return 404; }
        location \@echo { oof_api echo v1; }
        location \@page { rewrite ^ /echo/v1/items/named break;
                         oof_api echo v1; }

        # decided, then nginx fails, then a named location
        location /echo/v1/items/guarded {
            oof_api echo v1;
            auth_request /auth;
            error_page 403 = \@again;
            error_page 401 = \@other;
        }
        location /echo/v1/items/secured {
            oof_api echo v1;
            auth_request /auth;
            error_page 403 = \@wrong;
            error_page 401 = \@changed;
        }
        location \@again { oof_api echo v1; }
        location \@other { rewrite ^ /echo/v2/items/other break;
                          oof_api echo v2; }
        location \@wrong { oof_api echo v2; }
        location \@changed { rewrite ^ /echo/v1/items/changed break;
                           oof_api echo v1; }
        location = /auth {
            internal;
            proxy_pass http://127.0.0.1:$up;
            proxy_pass_request_body off;
            proxy_set_header x-seen \$oof_interaction_id;
        }

        # who is let in by another module must still ask us
        location /echo/v1/items/any {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            oof_api echo v1;
        }
        location /echo/v1/items/denied {
            satisfy any;
            deny all;
            oof_api echo v1;
        }
        location /echo/v1/items/all {
            deny all;
            oof_api echo v1;
        }

        # subrequests into an API
        location /asks { auth_request /echo/v1/items/asked; root /; }

        # our answers are ours, whatever error_page says
        location /echo/v1/status/ {
            error_page 404 422 500 503 = \@page;
            oof_api echo v1;
        }

        # behind X-Accel-Redirect
        location /accel { proxy_pass http://127.0.0.1:$up; }
        location /proxied { proxy_pass http://127.0.0.1:$up; }
END
    servers => <<"END",
    server {
        listen 127.0.0.1:$up;
        access_log off;
        location = /auth {
            add_header x-seen \$http_x_seen;
            if (\$http_x_auth = 401) { return 401; }
            if (\$http_x_auth = 403) { return 403; }
            return 204;
        }
        location = /accel { add_header X-Accel-Redirect /echo/v1/items/accel;
                            return 204; }
        location = /proxied { return 200 fine; }
    }
END
);

my %v1 = (version => '1.2.3');
my $r;

sub item {
    my ($r, $id, $name, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $args{status} // 200, "$name: status");
    is($r->{json}{data}{itemId}, $id, "$name: answer");
    is(id_of($r), $Id, "$name: interaction id");
    is($r->{headers}{'x-v'}, $args{version} // '1.2.3', "$name: version");
}

sub counted {
    my ($code) = @_;

    return $o->metric('oof_http_requests_total',
                      $code ? (code => $code) : ()) // 0;
}

my ($before, $lines, $asked) = (counted(), 0, 0);

sub request {
    $asked++;
    return ask($o, @_);
}

# locations

item(request('GET /bank/items/a'), 'a', 'a rewritten path');
item(request('GET /exact'), 'exact', 'an exact location');
item(request('GET /echo/v1/items/re-1'), 're-1', 'a regular expression');
regulated(request('GET /bank/none'), 404, 'NOT_FOUND',
          'a rewritten path that is no route', %v1);

# handed over before anything was decided

item(request('GET /try/items/a'), 'a', 'try_files');
item(request('GET /page/x'), 'named', 'error_page to a name');
item(request('GET /page-uri/x'), 'paged', 'error_page to a path');
item(request('GET /page-status/x'), 'named', 'error_page that keeps its status',
     status => 404);

regulated(request('GET /try/items/a', id => undef), 400, 'BAD_REQUEST',
          'it is judged there', id => undef, %v1);
regulated(request('POST /try/items/a', body => 'x'), 405,
          'METHOD_NOT_ALLOWED', 'with its method', %v1);

is(request('POST /try/items', body => 'abc')->{json}{data}{body}, 'abc',
   'and its body');

# decided here, then handed over

item(request('GET /echo/v1/items/guarded'), 'guarded', 'auth_request grants');
item(request('GET /echo/v1/items/guarded', headers => [ 'x-auth' => 403 ]),
     'guarded', 'auth_request refuses, the same path again');
item(request('GET /echo/v1/items/guarded', headers => [ 'x-auth' => 401 ]),
     'other', 'auth_request refuses, another API', version => '2.0.0');

# one decision holds for one question

item(request('GET /echo/v1/items/secured', headers => [ 'x-auth' => 401 ]),
     'changed', 'the same API, another path of the same length');
regulated(request('GET /echo/v1/items/secured', headers => [ 'x-auth' => 403 ]),
          404, 'NOT_FOUND', 'the same path, another API', version => '2.0.0');

regulated(request('GET /echo/v1/items/guarded', id => undef,
                  headers => [ 'x-auth' => 401 ]), 400, 'BAD_REQUEST',
          'the first question is refused', id => undef, %v1);

# satisfy

item(request('GET /echo/v1/items/any'), 'any', 'satisfy any');
regulated(request('GET /echo/v1/items/any', id => undef), 400, 'BAD_REQUEST',
          'satisfy any does not let in who is refused', id => undef, %v1);
regulated(request('PUT /echo/v1/items/any'), 405, 'METHOD_NOT_ALLOWED',
          'nor with any method', %v1);
my @in = (headers => [ 'x-echo-access' => 'ok' ]);

item(request('GET /echo/v1/items/any', @in), 'any', 'let in by another module');
regulated(request('GET /echo/v1/items/any', @in, id => undef), 400,
          'BAD_REQUEST', 'who has no say over our rules', id => undef, %v1);
regulated(request('GET /echo/v1/items/any/', @in), 404, 'NOT_FOUND',
          'nor over what is there', %v1);

item(request('GET /echo/v1/items/denied'), 'denied', 'satisfy any, denied');
regulated(request('GET /echo/v1/items/denied', id => 'x'), 400, 'BAD_REQUEST',
          'satisfy any, refused by all', id => undef, %v1);
regulated(request('GET /echo/v1/items/all'), 403, 'FORBIDDEN',
          'satisfy all, denied', %v1);

# subrequests

regulated(request('GET /asks'), 500, 'INTERNAL_SERVER_ERROR',
          'an API does not serve subrequests');
like($o->log_text, qr/does not serve subrequests/, 'the log says so');

# our own answers

for my $status (404, 422, 500, 503) {
    is(request("GET /echo/v1/status/$status")->{status}, $status,
       "error_page has no say in our $status");
}

# X-Accel-Redirect

item(request('GET /accel'), 'accel', 'X-Accel-Redirect');

$r = request('GET /proxied');
is(id_of($r), $Id, 'a proxied answer has the interaction id');

# an id of our own stays the same through all of it

$r = request('GET /proxied', id => undef);
my $own = id_of($r);
like($own, qr/^[0-9a-f-]{36}$/, 'an id of our own');

# counted and logged once each

my @log;

wait_for(sub {
    @log = split /\n/, Test::Oof::slurp("$o->{dir}/logs/oof.log", 1);
    @log >= $asked;
}, 2, 'log lines');

is(scalar @log, $asked, 'a log line a request');
is(counted() - $before, $asked, 'a count a request');

my $last = decoded($log[-1]);
is($last->{id}, $own, 'the log has the id of the answer');

is($o->metric('oof_http_requests_total', api => 'echo v1',
              operation => 'echo_status', code => 422), 1, 'by operation and code');
is($o->metric('oof_http_request_duration_seconds_count', api => 'echo v1',
              operation => 'echo_status'), 4, 'with their durations');

my ($named) = grep { $_->{uri} eq '/page/x' } map { decoded($_) } @log;

is_deeply($named, { status => 200, id => $Id, api => 'echo v1',
                    operation => 'echo_item', client => '-',
                    organisation => '-', consent => 'named', error => '-',
                    db => '0.000', uri => '/page/x' },
          'all variables have values');

my ($lost) = grep { $_->{uri} eq '/echo/v1/status/422' }
                  map { decoded($_) } @log;

is("$lost->{status} $lost->{error}", '422 ERRO_NAO_MAPEADO',
   'so has an error');

done_testing();
