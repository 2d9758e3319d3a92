#!/usr/bin/python3

# Copyright (C) oof authors

"""hcl.py DIR: what can be said of Terraform modules without their providers.

Reads every .tf below DIR with python-hcl2: each variable has a type and a
description, each output a description, each provider a pinned version; every
var., local. and module. that is named is declared, and every variable is
named; modules have no provider of their own; each module's variables that have
no default are given by those who call it.  A line for each finding.
"""

import os
import re
import sys

import hcl2


def plain(name):
    return name.strip('"')


def load(folder):
    """the blocks of a folder: (kind, names…) → body"""

    blocks, text = [], ""

    for name in sorted(os.listdir(folder)):
        if not name.endswith(".tf"):
            continue
        with open(os.path.join(folder, name)) as f:
            source = f.read()
        text += re.sub(r"(?m)^\s*#.*$", "", source) + "\n"

        for kind, items in hcl2.loads(source).items():
            if kind.startswith("__"):
                continue
            for item in items:
                blocks.append((kind, item))

    return blocks, text


def named(blocks, kind):
    found = {}

    for k, item in blocks:
        if k == kind:
            for name, body in item.items():
                found[plain(name)] = body

    return found


def folder_findings(folder, blocks, text, is_module):
    variables = named(blocks, "variable")

    for name, body in variables.items():
        for word in "type", "description":
            if word not in body:
                yield "variable %s has no %s" % (name, word)
        if not re.search(r"\bvar\.%s\b" % name, text):
            yield "variable %s is not used" % name

    for name, body in named(blocks, "output").items():
        if "description" not in body or "value" not in body:
            yield "output %s is not described" % name

    for name in set(re.findall(r"\bvar\.(\w+)", text)) - set(variables):
        yield "var.%s is not declared" % name

    local = set()
    for kind, item in blocks:
        if kind == "locals":
            local |= {plain(k) for k in item}
    for name in set(re.findall(r"\blocal\.(\w+)", text)) - local:
        yield "local.%s is not declared" % name

    resources = set()
    for kind, item in blocks:
        if kind in ("resource", "data"):
            for typ, body in item.items():
                for name in body:
                    resources.add((kind, plain(typ), plain(name)))

    for typ, name in set(re.findall(
            r"(?<![\w.])((?:aws|google|azurerm|kubernetes|helm)_\w+)\.(\w+)",
            text)):
        if ("resource", typ, name) not in resources \
                and ("data", typ, name) not in resources:
            yield "%s.%s is not declared" % (typ, name)

    if not re.search(r"required_version\s*=\s*\">= \d", text):
        yield "no required_version"

    for version in re.findall(r"\n\s+version\s*=\s*\"([^\"]*)\"", text):
        if not version.startswith("~> "):
            yield "version \"%s\" is not pinned" % version

    if is_module and any(k == "provider" for k, _ in blocks):
        yield "a module with a provider of its own"


def calls(folder, blocks, modules):
    for name, body in named(blocks, "module").items():
        source = plain(body["source"] if isinstance(body["source"], str)
                       else body["source"][0])
        target = os.path.normpath(os.path.join(folder, source))

        if target not in modules:
            yield "module %s: no %s" % (name, source)
            continue

        variables = named(modules[target][0], "variable")
        given = {plain(k) for k in body} - {
            "source", "providers", "depends_on", "count", "for_each"}
        given = {k for k in given if not k.startswith("__")}

        for one in given - set(variables):
            yield "module %s: no variable %s" % (name, one)
        for one, b in variables.items():
            if "default" not in b and one not in given:
                yield "module %s: %s is not given" % (name, one)

        outputs = named(modules[target][0], "output")
        for one in set(re.findall(r"\bmodule\.%s\.(\w+)" % name,
                                  modules[folder][1])) - set(outputs):
            yield "module.%s.%s is no output" % (name, one)


def main():
    root = os.path.normpath(sys.argv[1])
    modules = {}

    for folder, _, files in os.walk(root):
        if any(f.endswith(".tf") for f in files) \
                and "/.terraform" not in folder:
            modules[os.path.normpath(folder)] = load(folder)

    bad = False

    for folder, (blocks, text) in sorted(modules.items()):
        is_module = os.sep + "modules" + os.sep in folder
        for line in list(folder_findings(folder, blocks, text, is_module)) \
                + list(calls(folder, blocks, modules)):
            print("%s: %s" % (os.path.relpath(folder, root), line))
            bad = True

    sys.exit(1 if bad or len(modules) < 8 else 0)


main()
