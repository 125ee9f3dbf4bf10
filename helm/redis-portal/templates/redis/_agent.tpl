{{/* The agent beside each node. SIGTERM alone begins a hand-over: nobody can ask for one over the network. */}}
{{- define "redis-portal.agentConfig" -}}
{{- $redis := dict "address" "127.0.0.1:6379" -}}
{{- if .Values.auth.enabled -}}
{{- $_ := set $redis "password_file" "/etc/redis-auth/password" -}}
{{- end -}}
{{- dict
      "redis" $redis
      "listen" (printf "%s:9121" .Values.portal.bindAddress)
      "data" "/data"
      "probes" (dict "answer_time" "2s" "link_down" .Values.redis.agent.linkDown)
      "hand_over" (dict "time" .Values.redis.agent.handOverTime)
    | toYaml -}}
{{- end -}}

{{- define "redis-portal.agentContainer" -}}
- name: agent
  image: {{ include "redis-portal.image" (dict "context" . "image" .Values.portal.image) }}
  imagePullPolicy: {{ .Values.portal.image.pullPolicy }}
  args: [agent, --config, /etc/redis/agent.yaml]
  securityContext:
    {{- include "redis-portal.containerSecurity" . | nindent 4 }}
  ports:
    - {name: metrics, containerPort: 9121, protocol: TCP}
  # /healthz speaks of the agent alone.
  livenessProbe:
    httpGet: {path: /healthz, port: metrics}
    periodSeconds: 10
    timeoutSeconds: 3
    failureThreshold: 3
  readinessProbe:
    httpGet: {path: /healthz, port: metrics}
    periodSeconds: 5
    timeoutSeconds: 3
  resources:
    {{- toYaml .Values.redis.agent.resources | nindent 4 }}
  volumeMounts:
    - {name: data, mountPath: /data, readOnly: true}
    - {name: config, mountPath: /etc/redis, readOnly: true}
    {{- if .Values.auth.enabled }}
    - {name: auth, mountPath: /etc/redis-auth, readOnly: true}
    {{- end }}
{{- end -}}

{{/* Not empty when portals let the volumes grow. */}}
{{- define "redis-portal.autoExpand" -}}
{{- and .Values.persistence.enabled .Values.persistence.autoExpand.enabled | ternary "true" "" -}}
{{- end -}}

{{/* 64Gi or 2Ti as the portal's configuration writes sizes. */}}
{{- define "redis-portal.gibibytes" -}}
{{- printf "%dGiB" (div (include "redis-portal.bytes" . | int64) 1073741824) -}}
{{- end -}}
