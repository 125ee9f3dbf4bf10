{{/* portal.yaml: what the chart knows, with the sections of portal.config over it. */}}
{{- define "redis-portal.portalConfig" -}}
{{- $listener := dict "address" (printf "%s:6380" .Values.portal.bindAddress) "tls" nil -}}
{{- if .Values.portal.proxyProtocol -}}
{{- $_ := set $listener "proxy_protocol" true -}}
{{- end -}}
{{- if .Values.tls.enabled -}}
{{- $tls := dict "certificate" "/etc/redis-portal/tls/tls.crt" "key" "/etc/redis-portal/tls/tls.key" "min_version" .Values.tls.minVersion -}}
{{- if .Values.tls.clientCASecret -}}
{{- $_ := set $tls "client_ca" "/etc/redis-portal/client-ca/ca.crt" -}}
{{- end -}}
{{- $_ := set $listener "tls" $tls -}}
{{- end -}}
{{- $listeners := list $listener -}}
{{- if .Values.service.replicasPort -}}
{{- $listeners = append $listeners (merge (dict "address" (printf "%s:6381" .Values.portal.bindAddress) "serves" "replicas") $listener) -}}
{{- end -}}
{{- if .Values.portal.advertise -}}
{{- $_ := set $listener "advertise" .Values.portal.advertise -}}
{{- end -}}
{{- $nodes := list -}}
{{- $agents := list -}}
{{- range $i := until (int .Values.redis.replicaCount) -}}
{{- $address := printf "%s-redis-%d.%s.%s.svc.%s:6379" (include "redis-portal.fullname" $) $i (include "redis-portal.nodesService" $) (include "redis-portal.namespace" $) $.Values.clusterDomain -}}
{{- $nodes = append $nodes (dict "name" (printf "redis-%d" $i) "address" $address) -}}
{{- $agent := dict "node" (printf "redis-%d" $i) "address" (printf "%s:9121" (trimSuffix ":6379" $address)) -}}
{{- if include "redis-portal.autoExpand" $ -}}
{{- $_ := set $agent "claim" (printf "data-%s-redis-%d" (include "redis-portal.fullname" $) $i) -}}
{{- end -}}
{{- $agents = append $agents $agent -}}
{{- end -}}
{{- $config := dict
      "listen" $listeners
      "nodes" $nodes
      "arbiter" (dict "kubernetes" (dict "namespace" (include "redis-portal.namespace" .) "name" (include "redis-portal.fullname" .)))
      "upkeep" (dict "agents" $agents "role" (printf "%s-portal" (include "redis-portal.fullname" .)))
      "drain" (dict "delay" (printf "%ds" (int64 .Values.portal.drainDelaySeconds)) "timeout" (printf "%ds" (int64 .Values.portal.drainTimeoutSeconds)))
      "admin" (dict "address" (printf "%s:9380" .Values.portal.bindAddress) "socket" "/run/redis-portal/admin.sock" "ready_without_leader" .Values.portal.readyWithoutLeader) -}}
{{- if .Values.auth.enabled -}}
{{- $_ := set $config "monitor" (dict "password_file" "/etc/redis-portal/auth/password") -}}
{{- end -}}
{{- if include "redis-portal.autoExpand" . -}}
{{- $grow := .Values.persistence.autoExpand -}}
{{- $_ := set $config.upkeep "auto_expand" (dict
      "threshold" $grow.threshold "increase" $grow.increase "cooldown" $grow.cooldown
      "min_step" (include "redis-portal.gibibytes" $grow.minStep) "limit" (include "redis-portal.gibibytes" $grow.limit)) -}}
{{- end -}}
{{- if include "redis-portal.ticketsEnabled" . -}}
{{- $_ := set $config "tickets" (dict "secret_file" "/etc/redis-portal/tickets/ticket-secret") -}}
{{- end -}}
{{- $config = mergeOverwrite $config (deepCopy .Values.portal.config) -}}
{{- /* YAML reads a bare off or on as a boolean; portals want the word. */ -}}
{{- range $place := list (list $config "busy_poll") (list $config "maintenance") (list $config.monitor "failsafe") (list $config.writes "proven") (list $config.commands "replication") (list $config.node_config "follow_leader") (list $config.acl "assert") (list $config.acl "strict") -}}
{{- $section := first $place | default dict -}}
{{- $key := last $place -}}
{{- if and (hasKey $section $key) (kindIs "bool" (get $section $key)) -}}
{{- $_ := set $section $key (ternary "on" "off" (get $section $key)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The keys of it that a running portal cannot take over: those marked "restart" in docs/use/configuration.md. */}}
{{- define "redis-portal.portalConfigReadOnce" -}}
{{- $config := include "redis-portal.portalConfig" . | fromYaml -}}
{{- $once := dict "writes" (dict "proven" (dig "writes" "proven" "off" $config)) -}}
{{- if hasKey $config "monitor" -}}
{{- $_ := set $once "monitor" (omit $config.monitor "username" "password" "password_file") -}}
{{- end -}}
{{- range list "name" "arbiter" "threads" "busy_poll" "admin" "upkeep" -}}
{{- if hasKey $config . -}}
{{- $_ := set $once . (get $config .) -}}
{{- end -}}
{{- end -}}
{{- $listeners := list -}}
{{- range $config.listen -}}
{{- $listeners = append $listeners (pick . "address" "serves") -}}
{{- end -}}
{{- $_ := set $once "listen" $listeners -}}
{{- toYaml $once -}}
{{- end -}}
