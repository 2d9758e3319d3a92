package Test::Oof::Limits;

# Copyright (C) oof authors

# What the tests of limits share: an nginx with an API that is limited
# (t/module/ngx_oof_limited_module.c), and calls of it.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Module;
use Time::HiRes qw/ sleep time /;

use parent 'Exporter';

our @EXPORT = qw/ limited hit hits month at_minute counted limited_total
                  calls_of refused_with $A $B /;

our $A = 'aaaaaaaa-1111-4111-8111-111111111111';
our $B = 'bbbbbbbb-2222-4222-8222-222222222222';

my $resource = '8f2b1a90-4e61-4b8c-9f3a-2b8e1c7d5a10';


# words of Test::Oof->start; "zone" is the size of the zone

sub limited {
    my (%args) = @_;

    my $module = Test::Oof::Module::build('ngx_oof_limited_module');
    my $zone = $args{zone} // '1m';

    return Test::Oof->start(
        tls_replace => '',
        leases => 1,
        %args,
        main => "load_module $module;\n" . ($args{main} // ''),
        tls_server => <<"END" . ($args{tls_server} // ''),
            ssl_certificate     @{[ pki('leaf-server.pem') ]};
            ssl_certificate_key @{[ pki('leaf-server.key') ]};
END
        locations => <<"END" . ($args{locations} // ''),
            location /limited/v1/ { oof_api limited v1; }
END
        http => "oof_limits_zone $zone;\nkeepalive_requests 100000;\n"
                . ($args{http} // ''),
    );
}


# one call, on a connection of its own or a kept one; words: organisation,
# customer, id

sub hit {
    my ($o, $path, %args) = @_;

    my $c = ref $o eq 'Test::Oof::Client' ? $o : $o->connect('plain');

    return $c->request('GET', $path, [
        [ Host => 'mtls-api.oof.test' ],
        [ 'x-fapi-interaction-id' => $args{id} // new_uuid() ],
        [ 'x-organisation' => $args{organisation} // $A ],
        [ 'x-customer' => $args{customer} // 'one' ] ]);
}


# many calls on kept connections, one after the other: how many got each status

sub hits {
    my ($o, $n, $path, %args) = @_;

    my (%got, @c);

    @c = ref $o eq 'Test::Oof::Client' ? ($o)
       : map { $o->connect('plain') } 1 .. $args{connections} // 1;

    for (1 .. $n) {
        my $c = shift @c;
        my $r = hit($c, $path, %args);

        $got{ $r->{status} }++;
        push @c, $c;
    }

    return join ' ', map { "$_ $got{$_}" } sort keys %got;
}


# path of a call that is limited to so many a month

sub month {
    my ($minimum, %args) = @_;

    return '/limited/v1/' . ($args{endpoint} // 'month') . "/$minimum/"
           . ($args{resource} // $resource) . '/' . ($args{status} // 200)
           . ($args{free} ? '?key' : '');
}


# moves the rule clock to an instant (seconds of the epoch), of which one to two
# and a half seconds have passed when all know

sub at_minute {
    my ($instant) = @_;

    my $offset = POSIX::ceil($instant - time);

    psql("UPDATE oof_clock SET \"offset\" = $offset, changed = now()");
    sleep 1.4;

    return $offset;
}


# what the database has counted, over all keys

sub calls_of {
    return map { "@$_" } psql('SELECT month, calls FROM oof_limit_month'
                              . ' ORDER BY month, calls');
}


# waits until the database has counted so many calls

sub counted {
    my ($n, $seconds) = @_;

    my $have = -1;

    eval { wait_for(sub {
        $have = (psql('SELECT coalesce(sum(calls), 0)'
                      . ' FROM oof_limit_month'))[0][0];
        $have == $n;
    }, $seconds // 5) };

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($have, $n, "$n calls are in the database");
}


sub limited_total { $_[0]->metric('oof_limits_total', kind => $_[1]) }


# the whole of a refusal

sub refused_with {
    my ($r, $status, $code, $name, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @wrong;

    my $check = sub {
        my ($what, $got, $want) = @_;
        my $good = ref $want ? ($got // '') =~ $want
                             : ($got // 'none') eq ($want // 'none');
        push @wrong, "$what: " . ($got // 'none') if !$good;
    };

    $check->('status', $r->{status}, $status);
    $check->('content-type', $r->{headers}{'content-type'},
             'application/json; charset=utf-8');
    $check->('x-v', $r->{headers}{'x-v'},
             exists $args{version} ? $args{version} : '1.2.3');
    $check->('x-fapi-interaction-id', $r->{headers}{'x-fapi-interaction-id'},
             $args{id} // qr/^[0-9a-f-]{36}$/);
    $check->('retry-after', $r->{headers}{'retry-after'}, $args{retry});
    $check->('code', $r->{json}{errors}[0]{code}, $code);
    $check->($_, $r->{json}{errors}[0]{$_}, qr/../) for qw/ title detail /;
    $check->('members', join(' ', sort keys %{ $r->{json} || {} }),
             'errors meta');

    return ok(!@wrong, $name) || diag(join "\n", @wrong, $r->{body} // '');
}


1;
