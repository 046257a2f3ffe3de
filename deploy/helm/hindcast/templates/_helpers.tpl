{{- define "hindcast.name" -}}
{{- if contains "hindcast" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-hindcast{{ end }}
{{- end }}

{{- define "hindcast.selector" -}}
app.kubernetes.io/name: hindcast
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hindcast.labels" -}}
{{ include "hindcast.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "hindcast.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "hindcast.secret" -}}
{{ .Values.secret.existing | default (include "hindcast.name" .) }}
{{- end }}

{{- define "hindcast.serviceAccount" -}}
{{ if .Values.serviceAccount.name }}{{ .Values.serviceAccount.name }}{{ else if .Values.serviceAccount.create }}{{ include "hindcast.name" . }}{{ else }}default{{ end }}
{{- end }}

{{- /* The gateway's container, the same as a pod's only one and as a sidecar. */ -}}
{{- define "hindcast.container" -}}
name: hindcast
image: {{ include "hindcast.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve]
ports:
  - { name: http, containerPort: {{ .Values.config.server.port | default 4000 }} }
envFrom:
  - secretRef: { name: {{ include "hindcast.secret" . }} }
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
resources: {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - { name: config, mountPath: /etc/hindcast, readOnly: true }
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "hindcast.podMeta" -}}
labels:
  {{- include "hindcast.selector" . | nindent 2 }}
  {{- with .Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
annotations:
  checksum/config: {{ toYaml .Values.config | sha256sum }}
  {{- with .Values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
