{{/* The prefix of object names. At most 40 characters, since Kubernetes puts up to 20 behind it; a longer one keeps its
     difference from others in a hash. */}}
{{- define "redis-portal.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- $full := .Values.fullnameOverride | default (contains $chart .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $chart)) -}}
{{- if gt (len $full) 40 -}}
{{- $full = printf "%s-%s" (trunc 33 $full | trimSuffix "-") (sha256sum $full | trunc 6) -}}
{{- end -}}
{{- $full -}}
{{- end -}}

{{- define "redis-portal.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "redis-portal.nodesService" -}}
{{- include "redis-portal.fullname" . }}-nodes
{{- end -}}

{{- define "redis-portal.portalAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (printf "%s-portal" (include "redis-portal.fullname" .)) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Selectors never change between versions of the chart. Takes context and component. */}}
{{- define "redis-portal.selector" -}}
app.kubernetes.io/name: {{ default .context.Chart.Name .context.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "redis-portal.labels" -}}
{{- $own := dict
      "app.kubernetes.io/version" (.context.Chart.AppVersion | replace "+" "_")
      "app.kubernetes.io/part-of" "redis-portal"
      "app.kubernetes.io/managed-by" .context.Release.Service
      "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- $selector := include "redis-portal.selector" . | fromYaml -}}
{{- mergeOverwrite (dict) .context.Values.commonLabels (.labels | default dict) $own $selector | toYaml -}}
{{- end -}}

{{/* metadata of an object. Takes context, component, name and optionally labels, annotations, namespace ("-": none). */}}
{{- define "redis-portal.metadata" -}}
name: {{ .name }}
{{- if ne (.namespace | default "") "-" }}
namespace: {{ .namespace | default (include "redis-portal.namespace" .context) }}
{{- end }}
labels:
  {{- include "redis-portal.labels" . | nindent 2 }}
{{- with mergeOverwrite (dict) .context.Values.commonAnnotations (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The name of an object that may stand in another namespace, where a release of the same name in a third one may have put its
     own. Takes context, name, namespace (may be empty). */}}
{{- define "redis-portal.nameElsewhere" -}}
{{- $own := include "redis-portal.namespace" .context -}}
{{- $full := or (not .namespace) (eq .namespace $own) | ternary .name (printf "%s-%s" $own .name) -}}
{{- gt (len $full) 63 | ternary (printf "%s-%s" (trunc 56 $full | trimSuffix "-") (sha256sum $full | trunc 6)) $full -}}
{{- end -}}

{{/* Takes context and image. */}}
{{- define "redis-portal.image" -}}
{{- $registry := .context.Values.global.imageRegistry | default .image.registry -}}
{{- $name := not (empty $registry) | ternary (printf "%s/%s" $registry .image.repository) .image.repository -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.image.tag | default .context.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What both kinds of pods share. Takes context, component, pod (the values) and images. */}}
{{- define "redis-portal.podSpec" -}}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .pod.terminationGracePeriodSeconds }}
{{- $secrets := .context.Values.global.imagePullSecrets }}
{{- range .images }}{{ $secrets = concat $secrets .pullSecrets }}{{ end }}
{{- with uniq $secrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .pod.spread.enabled }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $.pod.spread.strict | ternary "DoNotSchedule" "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- include "redis-portal.selector" $ | nindent 8 }}
    {{- if eq $.component "portal" }}
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Restricted Pod Security Standard and more. Takes the numeric user. */}}
{{- define "redis-portal.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- define "redis-portal.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}
{{- define "redis-portal.portalUser" -}}65532{{- end -}}
{{- define "redis-portal.redisUser" -}}999{{- end -}}

{{- define "redis-portal.authSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-auth" (include "redis-portal.fullname" .)) -}}
{{- end -}}
{{- define "redis-portal.authKey" -}}
{{- not (empty .Values.auth.existingSecret) | ternary .Values.auth.existingSecretPasswordKey "redis-password" -}}
{{- end -}}
{{- define "redis-portal.ticketsEnabled" -}}
{{- and .Values.tls.enabled .Values.portal.tickets.enabled | ternary "true" "" -}}
{{- end -}}
{{- define "redis-portal.ticketSecret" -}}
{{- .Values.portal.tickets.existingSecret | default (printf "%s-tickets" (include "redis-portal.fullname" .)) -}}
{{- end -}}

{{/* none, existing, certManager or selfSigned. */}}
{{- define "redis-portal.tlsMode" -}}
{{- if not .Values.tls.enabled -}}none
{{- else if .Values.tls.existingSecret -}}existing
{{- else if .Values.tls.certManager.enabled -}}certManager
{{- else -}}selfSigned
{{- end -}}
{{- end -}}
{{- define "redis-portal.tlsSecret" -}}
{{- /* What cert-manager writes has a name of its own: the chart's own Secret stays as it is, so that one can go back. */ -}}
{{- $suffix := eq (include "redis-portal.tlsMode" .) "certManager" | ternary "issued-tls" "tls" -}}
{{- .Values.tls.existingSecret | default (printf "%s-%s" (include "redis-portal.fullname" .) $suffix) -}}
{{- end -}}

{{/* {dns: [...], ips: [...]} of the portals' certificate. */}}
{{- define "redis-portal.tlsNames" -}}
{{- $service := include "redis-portal.fullname" . -}}
{{- $namespace := include "redis-portal.namespace" . -}}
{{- $dns := list $service (printf "%s.%s" $service $namespace) (printf "%s.%s.svc" $service $namespace)
      (printf "%s.%s.svc.%s" $service $namespace .Values.clusterDomain) "localhost" -}}
{{- $ips := list "127.0.0.1" -}}
{{- range .Values.tls.extraNames -}}
{{- if or (regexMatch "^[0-9]+(\\.[0-9]+){3}$" .) (contains ":" .) -}}
{{- $ips = append $ips . -}}
{{- else -}}
{{- $dns = append $dns . -}}
{{- end -}}
{{- end -}}
{{- dict "dns" (uniq $dns) "ips" (uniq $ips) | toYaml -}}
{{- end -}}

{{- define "redis-portal.storageClassName" -}}
{{- if .Values.storageClass.create -}}
{{- .Values.storageClass.name | default (printf "%s-%s" (include "redis-portal.namespace" .) (include "redis-portal.fullname" .)) -}}
{{- else -}}
{{- .Values.persistence.storageClass | default .Values.global.defaultStorageClass -}}
{{- end -}}
{{- end -}}

{{/* Bytes of a quantity such as 1Gi, 512Mi or 1500M. */}}
{{- define "redis-portal.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- if not (and (hasKey $units $unit) (regexMatch "^[0-9.]+[A-Za-z]*$" $text)) -}}
{{- fail (printf "'%s' is not a quantity that the chart can read; write it as 512Mi or 1Gi" $text) -}}
{{- end -}}
{{- mulf (trimSuffix $unit $text | float64) (get $units $unit) | int64 -}}
{{- end -}}

{{/* Milliseconds of a duration of the portal's configuration such as 200ms, 1s, 5m. */}}
{{- define "redis-portal.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- mul (trimSuffix $unit . | int64) (get $units $unit) -}}
{{- end -}}
