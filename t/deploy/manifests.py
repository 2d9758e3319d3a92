#!/usr/bin/python3

# Copyright (C) oof authors

"""manifests.py VERSION FILE: judges what helm has rendered.

With the package kubernetes-validate, each object against the JSON schema of
that version of Kubernetes; in any case what this project wants of its pods, and
that what objects name is there.  Prints a line for each finding, and nothing
else; exit 0 when there is none.
"""

import sys

import yaml

try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None

CUSTOM = ("monitoring.coreos.com/",)


def pods(objects):
    """(name, labels, spec) of each pod that would be made"""

    for o in objects:
        if o["kind"] == "Pod":
            yield o["metadata"]["name"], o["metadata"].get("labels", {}), \
                o["spec"]
        elif o["kind"] in ("Deployment", "Job"):
            t = o["spec"]["template"]
            yield o["metadata"]["name"], t["metadata"]["labels"], t["spec"]


def container(name, c):
    s = c.get("securityContext", {})

    if not s.get("readOnlyRootFilesystem"):
        yield "%s: its root may be written" % name
    if s.get("allowPrivilegeEscalation") is not False:
        yield "%s: may get more rights" % name
    if s.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "%s: keeps capabilities" % name
    if not c["image"] or c["image"].endswith(":latest") \
            or not (":" in c["image"] or "@" in c["image"]):
        yield "%s: image \"%s\" is not of a version" % (name, c["image"])

    r = c.get("resources", {})
    if "memory" not in r.get("limits", {}) or "cpu" not in \
            r.get("requests", {}) or "memory" not in r["requests"]:
        yield "%s: resources" % name

    for e in c.get("env", []):
        word = e["name"].lower()
        if "password" in word and "valueFrom" not in e:
            yield "%s: %s is in clear" % (name, e["name"])


def pod(name, spec, config):
    s = spec.get("securityContext", {})

    if not s.get("runAsNonRoot") or not s.get("runAsUser"):
        yield "%s: runs as root" % name
    if s.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "%s: seccomp" % name
    if spec.get("automountServiceAccountToken") is not False:
        yield "%s: gets a token of the cluster" % name
    for word in "hostNetwork", "hostPID", "hostIPC":
        if spec.get(word):
            yield "%s: %s" % (name, word)

    volumes = {v["name"]: v for v in spec.get("volumes", [])}

    for v in volumes.values():
        if "hostPath" in v:
            yield "%s: a path of the host" % name
        if "configMap" in v and v["configMap"]["name"] not in config:
            yield "%s: config map %s" % (name, v["configMap"]["name"])
        if "emptyDir" in v and "sizeLimit" not in v["emptyDir"]:
            yield "%s: %s has no limit" % (name, v["name"])

    for c in spec["containers"]:
        yield from container(name, c)
        for m in c.get("volumeMounts", []):
            if m["name"] not in volumes:
                yield "%s: volume %s" % (name, m["name"])


def deployment(o):
    name = o["metadata"]["name"]
    spec = o["spec"]["template"]["spec"]
    c = spec["containers"][0]

    for probe in "startupProbe", "livenessProbe", "readinessProbe":
        if probe not in c:
            yield "%s: no %s" % (name, probe)

    if c["livenessProbe"]["httpGet"]["path"] \
            == c["readinessProbe"]["httpGet"]["path"]:
        yield "%s: would be killed when the database is away" % name

    if o["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
        yield "%s: serves less while it is updated" % name

    drain = int(c["lifecycle"]["preStop"]["exec"]["command"][1])
    end = [e["value"] for e in c["env"] if e["name"] == "OOF_SHUTDOWN_TIMEOUT"]
    if spec["terminationGracePeriodSeconds"] <= drain + int(end[0][:-1]):
        yield "%s: is killed before it has ended" % name

    if not any(k.startswith("checksum/")
               for k in o["spec"]["template"]["metadata"]["annotations"]):
        yield "%s: keeps an old configuration" % name


def selects(o, labels):
    selector = o["spec"]["selector"]
    selector = selector.get("matchLabels", selector)
    return all(labels.get(k) == v for k, v in selector.items())


def findings(version, objects):
    config = {o["metadata"]["name"] for o in objects
              if o["kind"] == "ConfigMap"}
    deployments = {o["metadata"]["name"] for o in objects
                   if o["kind"] == "Deployment"}
    every = list(pods(objects))

    for o in objects:
        name = "%s/%s" % (o["kind"], o["metadata"]["name"])

        if o["kind"] == "Secret":
            yield name + ": a secret in a chart"

        if o["kind"] in ("Service", "PodDisruptionBudget") \
                and not any(selects(o, labels) for _, labels, _ in every):
            yield name + ": selects nothing"

        if o["kind"] == "HorizontalPodAutoscaler" \
                and o["spec"]["scaleTargetRef"]["name"] not in deployments:
            yield name + ": scales nothing"

        if kubernetes_validate and not o["apiVersion"].startswith(CUSTOM):
            try:
                kubernetes_validate.validate(o, version, strict=True)
            except kubernetes_validate.ValidationError as e:
                yield "%s: %s" % (name, e.message)

        if o["kind"] == "Deployment":
            yield from deployment(o)

    for name, _, spec in every:
        yield from pod(name, spec, config)

    seen = [(o["kind"], o["metadata"]["name"]) for o in objects]
    for one in set(seen):
        if seen.count(one) > 1:
            yield "%s/%s: twice" % one


def main():
    with open(sys.argv[2]) as f:
        objects = [o for o in yaml.safe_load_all(f) if o]

    found = list(findings(sys.argv[1], objects))
    for line in found:
        print(line)
    sys.exit(1 if found or not objects else 0)


main()
