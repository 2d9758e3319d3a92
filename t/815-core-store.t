#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: its store, whose units share commits but no failures.

use strict;
use warnings;

use FindBin;

exec '/usr/bin/python3', "$FindBin::Bin/core/store.py" or die "exec: $!";
