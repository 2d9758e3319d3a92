package Test::Oof::Bank;

# Copyright (C) oof authors

# The consent management API in the tests: an nginx that has it beside the
# journey, calls whose answers are judged by the OpenAPI text, and consents in
# every state.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Test::Oof ();
use Test::Oof::Consents ();
use Test::Oof::Journey ();

use parent 'Exporter';

our @EXPORT = qw/
    bank_side ask listed in_state backdated due_now said enc $Bank $Write
    members_known refused_as is_at
/;

our $Bank = '/open-banking/oob-consents';
our $Write = 'oob_consents:write';

my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;


# words as of Test::Oof::Journey::journey()

sub bank_side {
    my (%args) = @_;

    return Test::Oof::Journey::journey(%args,
        management_server => ($args{management_server} // '') . <<"END");
        location $Bank/ { oof_api consent-management v1; }
END
}


# ask($o, METHOD, PATTERN, ...): a call whose answer is judged by that operation
# of the text.  Words: id, key (of the path), query; others as of bank(); the
# scope is the method's unless it is told

sub ask {
    my ($o, $method, $pattern, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $path = $Bank . $pattern;
    my $id = delete $args{id};
    my $key = delete $args{key};
    my $query = delete $args{query};
    my $name = delete $args{name};

    $path =~ s/\{(consent|recurringConsent|enrollment|portability)Id\}/$id/
        if defined $id;
    $path =~ s/\{searchKey\}/$key/ if defined $key;

    $args{scope} //= $method eq 'GET' ? 'oob_consents:read' : $Write;

    my $correlation = Test::Oof::new_uuid();
    my $headers = delete $args{headers} // {};

    my $r = Test::Oof::Journey::bank($o, $method,
                $path . (defined $query ? "?$query" : ''),
                headers => { 'X-Correlation-ID' => $correlation, %$headers },
                %args);

    my $operation = "$method $Bank$pattern";

    $name //= "$method $pattern" . (defined $query ? "?$query" : '');

    # the text's media type; errors have a parameter

    my %plain = (%$r, headers => { %{ $r->{headers} },
        'content-type' => ($r->{headers}{'content-type'} // '')
                          =~ s/; charset=utf-8$//r });

    Test::Oof::schema_ok("consent-management $operation", \%plain,
                         "$name: as specified");
    members_known($operation, $r, "$name: members are the text's");
    is($r->{headers}{'x-correlation-id'}, $correlation,
       "$name: correlation id") if !exists $headers->{'X-Correlation-ID'};
    is($r->{headers}{'cache-control'}, 'no-store', "$name: not to be stored")
        if $r->{status} != 413;

    return $r;
}


# no member that the text does not have

sub members_known {
    my ($operation, $r, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $text = Test::Oof::Schema::load("$Test::Oof::Root/t/schema",
                                       'consent-management');
    my $answers = $text->{operations}{$operation}{responses};
    my $want = $answers->{ $r->{status} } // $answers->{default};
    my @strange;

    strange($text, [ $want->{schema} ], $r->{json}, '$', \@strange)
        if $want->{schema};
    is("@strange", '', $name);
}


sub strange {
    my ($text, $schemas, $v, $at, $list) = @_;

    my @all = map { all_of($text, $_) } @$schemas;
    my %known;

    for my $s (@all) {
        push @{ $known{$_} }, $s->{properties}{$_}
            for keys %{ $s->{properties} || {} };
    }

    if (ref $v eq 'HASH' && %known) {
        for my $member (sort keys %$v) {
            if ($known{$member}) {
                strange($text, $known{$member}, $v->{$member},
                        "$at.$member", $list);
            } else {
                push @$list, "$at.$member";
            }
        }

    } elsif (ref $v eq 'ARRAY') {
        my @items = grep { defined } map { $_->{items} } @all;
        strange($text, \@items, $_, "$at\[]", $list) for @$v;
    }
}


# a schema with everything that it is made of

sub all_of {
    my ($text, $s) = @_;

    $s = $text->{schemas}{ $s->{ref} } while $s->{ref};

    return $s, map { all_of($text, $_) }
               map { @{ $s->{$_} || [] } } qw/ allOf oneOf anyOf /;
}


# ids of a list in their order, and its total; the error when there is one

sub listed {
    my ($o, $query, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r = ask($o, 'GET', '/v1/consents', query => $query, %args);

    return said($r) if $r->{status} != 200;

    return join ' ', $r->{json}{meta}{totalRecords},
                     map { $_->{id} } @{ $r->{json}{data} };
}


sub said {
    my ($r) = @_;

    return $r->{status} . ' ' . (($r->{json}{errors} || [])->[0]{code} // '');
}


# an error of one item, the whole of it

sub refused_as {
    my ($r, $status, $code, $title, $detail, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    is($r->{headers}{'content-type'}, 'application/json; charset=utf-8',
       "$name: media type");
    is($r->{body} =~ s/"requestDateTime":"$time"/"requestDateTime":"NOW"/r,
       qq({"errors":[{"code":"$code","title":"$title",)
       . qq("detail":"$detail"}],"meta":{"requestDateTime":"NOW"}}),
       "$name: body");
}


# a new consent brought to a state by the calls that lead there: its UUID

sub in_state {
    my ($o, $state, %args) = @_;

    my $id = $state =~ /^(AUTHORISED|REVOKED|EXPIRED)$/
             ? Test::Oof::Journey::authorised($o, %args)
             : Test::Oof::Journey::new_consent($o, %args);
    my $uuid = $id =~ s/^urn:bank://r;

    Test::Oof::Journey::decide($o, $id, 'REJECT') if $state eq 'REJECTED';
    $o->call(DELETE => "$Test::Oof::Api/consents/$id",
             client => $args{client} // 'one') if $state eq 'REVOKED';

    return $uuid;
}


# as if it had been created so many seconds earlier

sub backdated {
    my ($uuid, $seconds) = @_;

    Test::Oof::psql("UPDATE oof_consent SET creation = creation -"
                    . " $seconds * interval '1 second' WHERE consent_id ="
                    . " '$uuid'");
    return $uuid;
}


# as if its time had come so many seconds ago, and nothing had written it yet

sub due_now {
    my ($uuid, $ago) = @_;

    Test::Oof::psql("UPDATE oof_consent SET expiration = date_trunc('second',"
                    . " now()) - $ago * interval '1 second', authorise_until ="
                    . " date_trunc('second', now()) - $ago * interval"
                    . " '1 second' WHERE consent_id = '$uuid'");
    return $uuid;
}


sub is_at { return $_[0] =~ /^$time$/ ? 1 : 0 }


sub enc { return $_[0] =~ s/([^A-Za-z0-9\-._~])/sprintf '%%%02X', ord $1/ger }


1;
