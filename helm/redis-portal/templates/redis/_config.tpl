{{- define "redis-portal.redisConfig" -}}
bind * -::*
port 6379
protected-mode no
dir /data
# Nobody listens on port 1: only a portal makes a leader, so a node that starts empty wipes nobody.
replicaof 127.0.0.1 1
repl-ping-replica-period 1
repl-diskless-sync-delay 0
repl-timeout 10
repl-backlog-size 64mb
appendonly yes
appendfsync everysec
save ""
# A leader that is told to end waits until its replicas have every write.
shutdown-timeout 20
{{- $percent := int64 .Values.redis.maxmemoryPercent }}
{{- if gt $percent 0 }}
maxmemory {{ div (mul (include "redis-portal.bytes" (dig "memory" "0" (.Values.redis.resources.limits | default dict)) | int64) $percent) 100 }}
maxmemory-policy {{ .Values.redis.maxmemoryPolicy }}
{{- end }}
{{- with .Values.redis.extraConfig }}
{{ . | trim }}
{{- end }}
{{- end -}}
