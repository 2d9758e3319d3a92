package Test::Oof::Schema;

# Copyright (C) oof authors

# Judges documents by t/schema/*.json, which t/schema/make takes from the
# regulator's OpenAPI texts: types, members, patterns, enumerations, bounds.

use strict;
use warnings;

use B ();
use JSON::PP ();

my %files;


# check(FOLDER, 'consents-v3 POST /consents', ANSWER): what is wrong with its
# media type, headers and document; errors that the text does not list are
# judged like its 400, or like its default

sub check {
    my ($dir, $operation, $answer) = @_;

    my ($api, $call) = split ' ', $operation, 2;
    my $text = load($dir, $api);
    my $status = $answer->{status};
    my $o = $text->{operations}{$call} or return "no operation \"$operation\"";
    my $want = $o->{responses}{$status};

    $want //= $o->{responses}{400} // $o->{responses}{default}
        if $status >= 400;
    return "$operation has no $status" if !defined $want;

    my @failures = headers($text, $want, $answer);

    if ($want->{schema}) {
        judge($text, $want->{schema}, $answer->{json}, '$', \@failures);

    } elsif (length $answer->{body}) {
        push @failures, "$operation $status has no body";
    }

    return @failures;
}


# request(FOLDER, OPERATION, DOCUMENT): the same for a request's body

sub request {
    my ($dir, $operation, $document) = @_;

    my ($api, $call) = split ' ', $operation, 2;
    my $text = load($dir, $api);
    my @failures;

    judge($text, $text->{operations}{$call}{request}{schema}, $document, '$',
          \@failures);

    return @failures;
}


sub headers {
    my ($text, $want, $answer) = @_;

    my @failures;

    if (@{ $want->{media} || [] }) {
        my $media = lc($answer->{headers}{'content-type'} // 'none') =~ s/ //gr;
        push @failures, "content type: $media"
            if !grep { lc($_) =~ s/ //gr eq $media } @{ $want->{media} };
    }

    my %headers = %{ $want->{headers} || {} };

    for my $name (sort keys %headers) {
        my $value = $answer->{headers}{$name};

        if (defined $value) {
            judge($text, $headers{$name}{schema}, $value, $name, \@failures);

        } elsif ($headers{$name}{required}) {
            push @failures, "header $name: is missing";
        }
    }

    return @failures;
}


sub load {
    my ($dir, $api) = @_;

    return $files{$api} ||= do {
        open my $f, '<', "$dir/$api.json" or die "$dir/$api.json: $!";
        local $/;
        JSON::PP->new->utf8->decode(<$f>);
    };
}


sub judge {
    my ($text, $s, $v, $at, $failures) = @_;

    $s = $text->{schemas}{$s->{ref}} while $s->{ref};

    for my $part (@{ $s->{allOf} || [] }) {
        judge($text, $part, $v, $at, $failures);
    }

    if (my $choice = $s->{oneOf} || $s->{anyOf}) {
        my $good = grep { my @f; judge($text, $_, $v, $at, \@f); !@f } @$choice;
        push @$failures, "$at: fits $good of the alternatives"
            if $good == 0 || $s->{oneOf} && $good > 1;
    }

    my $type = $s->{type} // return;
    my $is = type_of($v);

    return if $is eq 'null' && $s->{nullable};

    if ($is ne $type && !($type eq 'number' && $is eq 'integer')) {
        push @$failures, "$at: is $is, not $type";
        return;
    }

    if ($s->{enum} && !grep { $_ eq $v } @{ $s->{enum} }) {
        push @$failures, "$at: \"$v\" is none of the values";
    }

    my $size = $type eq 'string' ? length $v
             : $type eq 'array' ? scalar @$v
             : $type eq 'object' ? scalar keys %$v
             : $type eq 'boolean' ? undef : $v;

    push @$failures, "$at: $size is less than $s->{min}"
        if defined $s->{min} && $size < $s->{min};
    push @$failures, "$at: $size is more than $s->{max}"
        if defined $s->{max} && $size > $s->{max};

    if ($type eq 'string') {
        push @$failures, "$at: \"$v\" is not like $s->{pattern}"
            if defined $s->{pattern} && $v !~ /$s->{pattern}/;

    } elsif ($type eq 'array') {
        my $i = 0;
        judge($text, $s->{items} || {}, $_, "$at\[" . $i++ . ']', $failures)
            for @$v;

        my %seen;
        push @$failures, "$at: items are not unique"
            if $s->{unique}
               && grep { $seen{JSON::PP->new->canonical->allow_nonref
                                       ->encode($_)}++ } @$v;

    } elsif ($type eq 'object') {
        for (@{ $s->{required} || [] }) {
            push @$failures, "$at.$_: is missing" if !exists $v->{$_};
        }
        for (sort keys %$v) {
            my $member = $s->{properties}{$_};

            if ($member) {
                judge($text, $member, $v->{$_}, "$at.$_", $failures);

            } elsif ($s->{closed}) {
                push @$failures, "$at.$_: is not in the schema";
            }
        }
    }
}


sub type_of {
    my ($v) = @_;

    return 'null' if !defined $v;
    return 'boolean' if JSON::PP::is_bool($v);
    return ref $v eq 'HASH' ? 'object' : 'array' if ref $v;

    my $flags = B::svref_2object(\$v)->FLAGS;

    return 'integer' if $flags & B::SVf_IOK && !($flags & B::SVf_POK);
    return 'number' if $flags & B::SVf_NOK && !($flags & B::SVf_POK);
    return 'string';
}


1;
