{{/* What values.schema.json cannot say: values that contradict each other. Every sentence names both and the fix. */}}
{{- define "redis-portal.validate" -}}
{{- $v := .Values -}}
{{- $problems := list -}}
{{- $needed := add $v.portal.drainDelaySeconds $v.portal.drainTimeoutSeconds 5 -}}
{{- if lt (int64 $v.portal.terminationGracePeriodSeconds) $needed -}}
{{- $problems = append $problems (printf "portal.terminationGracePeriodSeconds (%v) must be at least portal.drainDelaySeconds + portal.drainTimeoutSeconds + 5 (%v), or Kubernetes kills a portal that still lets clients go" $v.portal.terminationGracePeriodSeconds $needed) -}}
{{- end -}}
{{- if and $v.tls.existingSecret $v.tls.certManager.enabled -}}
{{- $problems = append $problems "tls.existingSecret and tls.certManager.enabled exclude each other: name a Secret or let cert-manager make one" -}}
{{- end -}}
{{- if and $v.tls.clientCASecret (not $v.tls.enabled) -}}
{{- $problems = append $problems "tls.clientCASecret needs tls.enabled: without TLS no client shows a certificate" -}}
{{- end -}}
{{- if and $v.auth.password $v.auth.existingSecret -}}
{{- $problems = append $problems "auth.password and auth.existingSecret exclude each other: leave one of them empty" -}}
{{- end -}}
{{- $monitor := mergeOverwrite (dict "ping_interval" "200ms" "down_after" "1s" "busy_after" "0s" "fence_after" "2s" "lease" "4s") ($v.portal.config.monitor | default dict) -}}
{{- $ms := dict -}}
{{- range list "ping_interval" "down_after" "busy_after" "fence_after" "lease" -}}
{{- $_ := set $ms . (include "redis-portal.milliseconds" (get $monitor .) | int64) -}}
{{- end -}}
{{- if gt $ms.ping_interval $ms.down_after -}}
{{- $problems = append $problems (printf "portal.config.monitor.ping_interval (%s) must be at most down_after (%s)" $monitor.ping_interval $monitor.down_after) -}}
{{- end -}}
{{- if and (gt $ms.busy_after 0) (le $ms.busy_after $ms.down_after) -}}
{{- $problems = append $problems (printf "portal.config.monitor.busy_after (%s) must be 0s or longer than down_after (%s)" $monitor.busy_after $monitor.down_after) -}}
{{- end -}}
{{- if ge $ms.fence_after $ms.lease -}}
{{- $problems = append $problems (printf "portal.config.monitor.fence_after (%s) must be shorter than lease (%s): a portal that is cut off stops before another one takes over" $monitor.fence_after $monitor.lease) -}}
{{- end -}}
{{- if and $v.persistence.enabled $v.persistence.autoExpand.enabled (lt (include "redis-portal.bytes" $v.persistence.autoExpand.limit | int64) (include "redis-portal.bytes" $v.persistence.size | int64)) -}}
{{- $problems = append $problems (printf "persistence.autoExpand.limit (%s) must be at least persistence.size (%s): raise the limit, or set persistence.autoExpand.enabled to false" $v.persistence.autoExpand.limit $v.persistence.size) -}}
{{- end -}}
{{- if and $v.storageClass.create (not $v.storageClass.preset) (not $v.storageClass.provisioner) -}}
{{- $problems = append $problems "storageClass.create needs storageClass.preset or storageClass.provisioner" -}}
{{- end -}}
{{- if and $v.storageClass.preset $v.storageClass.provisioner -}}
{{- $problems = append $problems "storageClass.preset and storageClass.provisioner exclude each other: the preset names the provisioner" -}}
{{- end -}}
{{- if and $v.storageClass.create $v.persistence.storageClass -}}
{{- $problems = append $problems "persistence.storageClass and storageClass.create exclude each other: name a class or make one" -}}
{{- end -}}
{{- if and $v.storageClass.create (not $v.persistence.enabled) -}}
{{- $problems = append $problems "storageClass.create needs persistence.enabled: without volumes nothing uses the class" -}}
{{- end -}}
{{- $handOver := add (div (include "redis-portal.milliseconds" $v.redis.agent.handOverTime | int64) 1000) 25 -}}
{{- if lt (int64 $v.redis.terminationGracePeriodSeconds) $handOver -}}
{{- $problems = append $problems (printf "redis.terminationGracePeriodSeconds (%v) must be at least redis.agent.handOverTime + 25 s (%v): after the hand-over Redis waits for its replicas" $v.redis.terminationGracePeriodSeconds $handOver) -}}
{{- end -}}
{{- if and (gt (int64 $v.redis.maxmemoryPercent) 0) (not (dig "memory" "" ($v.redis.resources.limits | default dict))) -}}
{{- $problems = append $problems "redis.maxmemoryPercent needs redis.resources.limits.memory: set the limit, or the share to 0" -}}
{{- end -}}
{{- if and $v.portal.proxyProtocol (eq $v.service.type "ClusterIP") -}}
{{- $problems = append $problems "portal.proxyProtocol needs service.type NodePort or LoadBalancer: only a load balancer in front sends the header, and clients in the cluster cannot connect" -}}
{{- end -}}
{{- if and $v.service.nodePort (eq $v.service.type "ClusterIP") -}}
{{- $problems = append $problems "service.nodePort needs service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and $v.service.replicasNodePort (eq $v.service.type "ClusterIP") -}}
{{- $problems = append $problems "service.replicasNodePort needs service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and $v.service.replicasNodePort (not $v.service.replicasPort) -}}
{{- $problems = append $problems (printf "service.replicasNodePort (%v) needs service.replicasPort: name the Service's port for reads too" $v.service.replicasNodePort) -}}
{{- end -}}
{{- if and $v.service.replicasPort (eq (int64 $v.service.replicasPort) (int64 $v.service.port)) -}}
{{- $problems = append $problems (printf "service.replicasPort (%v) must differ from service.port (%v)" $v.service.replicasPort $v.service.port) -}}
{{- end -}}
{{- $fullname := include "redis-portal.fullname" . -}}
{{- $namespace := include "redis-portal.namespace" . -}}
{{- if eq (include "redis-portal.tlsMode" .) "selfSigned" -}}
{{- with lookup "v1" "Secret" $namespace (printf "%s-ca" $fullname) -}}
{{- if not (and (dig "data" "ca.crt" "" .) (dig "data" "ca.key" "" .)) -}}
{{- $problems = append $problems (printf "Secret %s-ca is not that of the chart's own CA, since it has no ca.crt and ca.key: cert-manager wrote it for an older chart, or somebody made it. To begin a new CA, delete it and the certificate ('kubectl -n %s delete secret %s-ca %s-tls') and give clients the new ca.crt; to keep the one there is, set tls.certManager.enabled" $fullname $namespace $fullname $fullname) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range dig "items" (list) (lookup "apps/v1" "StatefulSet" $namespace "" | default dict) -}}
{{- $labels := dig "metadata" "labels" (dict) . -}}
{{- $ours := and (eq (dig "metadata" "annotations" "meta.helm.sh/release-name" "" .) $.Release.Name) (eq (get $labels "app.kubernetes.io/component") "redis") (hasPrefix (printf "%s-" $.Chart.Name) (get $labels "helm.sh/chart")) -}}
{{- if and $v.persistence.enabled $ours (ne .metadata.name (printf "%s-redis" $fullname)) -}}
{{- $problems = append $problems (printf "this release has its data under the name %s, and these values would begin anew, empty and with another password, under %s-redis: put nameOverride and fullnameOverride back, or uninstall the release first and move the data yourself" .metadata.name $fullname) -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n  - %s" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}
