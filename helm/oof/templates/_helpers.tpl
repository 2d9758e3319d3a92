{{- define "oof.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "oof.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "oof.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "oof.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "oof.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: open-finance
{{ include "oof.selector" . }}
{{- end }}

{{- /* never changes in the life of a release: selectors are immutable */ -}}

{{- define "oof.selector" -}}
app.kubernetes.io/name: {{ include "oof.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "oof.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "oof.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* dict "root" $ "tag" TAG */ -}}

{{- define "oof.image" -}}
{{- $image := .root.Values.image }}
{{- if and $image.digest (not .tag) }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (.tag | default $image.tag | default .root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "oof.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "oof.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ ALL ]
{{- end }}

{{- /* the environment of a role: dict "root" $ "role" ROLE */ -}}

{{- define "oof.env" -}}
{{- $v := .root.Values }}
{{- $role := .role }}
{{- $management := printf "http://%s-management.%s.svc:9443" (include "oof.fullname" .root) .root.Release.Namespace }}
- { name: OOF_BRAND, value: {{ $v.brand.id | quote }} }
- { name: OOF_ORGANISATION_ID, value: {{ $v.brand.organisationId | quote }} }
- { name: OOF_URN_NAMESPACE, value: {{ $v.brand.urnNamespace | quote }} }
- { name: OOF_SERVER_NAME, value: {{ $role.serverName | default $v.brand.serverName | quote }} }
- { name: OOF_BASE_URL, value: {{ $role.baseUrl | default $v.brand.baseUrl | quote }} }
- { name: OOF_DATABASE, value: {{ $v.database.connect | quote }} }
- { name: OOF_ENCRYPT_ID, value: {{ $v.encryptId | quote }} }
- { name: OOF_LOOKUP_ID, value: {{ $v.lookupId | quote }} }
- { name: OOF_ENCRYPT_FILE, value: {{ $v.encryptFile | quote }} }
- { name: OOF_LOOKUP_FILE, value: {{ $v.lookupFile | quote }} }
- { name: OOF_ISSUER, value: {{ $v.issuer.url | quote }} }
- { name: OOF_ISSUER_JWKS, value: {{ $v.issuer.jwks | quote }} }
- { name: OOF_BANK_ISSUER, value: {{ $v.bankIssuer.url | quote }} }
- { name: OOF_BANK_JWKS, value: {{ $v.bankIssuer.jwks | quote }} }
- { name: OOF_BANK_AUDIENCE, value: {{ $v.bankIssuer.audience | quote }} }
- { name: OOF_CORE, value: {{ $v.core.url | quote }} }
- { name: OOF_KEYSTORE, value: {{ $v.keystore | quote }} }
- { name: OOF_SIGNING_KID, value: {{ $v.signingKid | quote }} }
- { name: OOF_RESOLVER, value: {{ $v.resolver | quote }} }
- { name: OOF_LEASE, value: {{ ternary "on" "off" $role.leases | quote }} }
- { name: OOF_WORKERS, value: {{ $role.workers | quote }} }
- { name: OOF_SHUTDOWN_TIMEOUT, value: {{ printf "%ds" (int $v.shutdownSeconds) | quote }} }
- { name: OOF_MANAGEMENT_URL, value: {{ $v.managementUrl | default $management | quote }} }
{{- end }}

{{- define "oof.httpConf" -}}
{{- range $api, $data := .Values.dataApis }}
upstream oof_{{ $api | replace "-" "_" }} {
{{- range $data.servers }}
    server     {{ . }};
{{- end }}
    keepalive  32;
}
{{ end }}
{{- .Values.http }}
{{- end }}

{{- /* the host that needs no certificate of a client */ -}}

{{- define "oof.openConf" -}}
{{- $open := .Values.open -}}
server {
    listen       8444 ssl;
    http2        on;
    server_name  {{ $open.serverName }};

    ssl_certificate      /etc/oof/open/tls.crt;
    ssl_certificate_key  /etc/oof/open/tls.key;

    oof_base_url  {{ $open.baseUrl }};
    oof_database  main;
    oof_tps       {{ $open.tps }};

    include  /etc/oof/conf/include/status.conf;

    location / {
        return 404;
    }
}
{{- end }}

{{- /* the name of the role that has it, or nothing */ -}}

{{- define "oof.openRole" -}}
{{- $names := list }}
{{- if .Values.open.enabled }}
{{- range $name, $role := .Values.roles }}
{{- if and $role.enabled $role.open }}
{{- $names = append $names $name }}
{{- end }}
{{- end }}
{{- if ne (len $names) 1 }}
{{- fail (printf "one role has the open host, not %d" (len $names)) }}
{{- end }}
{{- end }}
{{- join "" $names }}
{{- end }}

{{- /* labels of the pods that "helm test" makes */ -}}

{{- define "oof.testSelector" -}}
app.kubernetes.io/name: {{ include "oof.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "oof.migrationSelector" -}}
app.kubernetes.io/name: {{ include "oof.name" . }}-migration
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* dict "root" $ "role" ROLE */ -}}

{{- define "oof.serverConf" -}}
{{- $v := .root.Values }}
{{- if $v.products }}
oof_products  {{ join " " $v.products }};
{{- end }}
{{- if $v.server }}
{{ $v.server | trim }}
{{- end }}
{{- if has "data" .role.apis }}
{{- range $api, $_ := $v.dataApis }}
include  /etc/oof/conf/include/{{ $api }}.conf;
{{- end }}
{{- end }}
{{- if has "payments" .role.apis }}
include  /etc/oof/conf/include/payments.conf;
{{- end }}
{{- if has "consents" .role.apis }}
include  /etc/oof/conf/include/apis.conf;
{{- else }}
location / {
    return 404;
}
{{- end }}
{{- end }}
