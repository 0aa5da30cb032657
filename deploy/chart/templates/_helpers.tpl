{{- define "cooperage.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "cooperage.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "cooperage.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "cooperage.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "cooperage.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cooperage.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "cooperage.labels" -}}
{{ include "cooperage.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The labels that the server gives to the pods of its builds. */ -}}
{{- define "cooperage.buildLabels" -}}
app.kubernetes.io/name: cooperage
app.kubernetes.io/component: build
app.kubernetes.io/instance: {{ include "cooperage.fullname" . }}
{{- end }}

{{- define "cooperage.buildNamespace" -}}
{{- default .Release.Namespace .Values.builds.namespace }}
{{- end }}

{{- define "cooperage.serviceAccount" -}}
{{- default (include "cooperage.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "cooperage.tokenSecret" -}}
{{- default (printf "%s-token" (include "cooperage.fullname" .)) .Values.token.existingSecret }}
{{- end }}

{{- define "cooperage.keySecret" -}}
{{- default (printf "%s-key" (include "cooperage.fullname" .)) .Values.secretKey.existingSecret }}
{{- end }}

{{- define "cooperage.dataClaim" -}}
{{- default (printf "%s-data" (include "cooperage.fullname" .)) .Values.database.volume.existingClaim }}
{{- end }}

{{- /* The name that browsers are let in by: an ingress says it too. */ -}}
{{- define "cooperage.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else if .Values.ingress.enabled -}}
{{ empty .Values.ingress.tlsSecret | ternary "http" "https" }}://{{ .Values.ingress.host }}
{{- end }}
{{- end }}

{{- /* Where builders deliver: by the Service, or on the node's network by loopback. */ -}}
{{- define "cooperage.deliveryUrl" -}}
{{- if .Values.hostNetwork -}}
http://127.0.0.1:{{ .Values.ports.delivery }}
{{- else -}}
http://{{ include "cooperage.fullname" . }}-delivery.{{ .Release.Namespace }}.svc:{{ .Values.ports.delivery }}
{{- end }}
{{- end }}

{{- define "cooperage.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.database.urlSecret) }}
{{- fail "More than one replica needs PostgreSQL: name the Secret with its URL in database.urlSecret, or set replicas to 1." }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "An ingress needs a host name: set ingress.host, or ingress.enabled to false." }}
{{- end }}
{{- range list "DATA_DIR" "DELIVERY_LISTEN" "DELIVERY_URL" "ENGINE" "KUBERNETES_CACHE_VOLUMES" "KUBERNETES_INSTANCE" "KUBERNETES_NAMESPACE" "LISTEN" }}
{{- if hasKey $.Values.settings . }}
{{- fail (printf "settings.%s is the chart's own: its Services, Role and NetworkPolicies hang on it." .) }}
{{- end }}
{{- end }}
{{- end }}
