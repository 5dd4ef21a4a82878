#!/usr/bin/env bash
# Starts OpenSearch as the public image does: variables with a dot in their names are settings, and the security plugin gets
# its own demo configuration on the first start, with the password of OPENSEARCH_INITIAL_ADMIN_PASSWORD.
set -euo pipefail
cd /usr/share/opensearch

if [ "${1:-}" != opensearch ] && [ "${1:0:1}" != - ]; then exec "$@"; fi
[ "$1" != opensearch ] || shift

configuration=config/opensearch.yml
if [ "${DISABLE_SECURITY_PLUGIN:-}" = true ]; then
  grep -q '^plugins.security.disabled:' "$configuration" || echo 'plugins.security.disabled: true' >>"$configuration"
elif [ "${DISABLE_INSTALL_DEMO_CONFIG:-}" != true ] && ! grep -q '^plugins.security' "$configuration"; then
  # -y: yes to all; -i: also to starting the security index; -s: also to the setting of the cluster.
  plugins/opensearch-security/tools/install_demo_configuration.sh -y -i -s
fi

settings=()
while IFS= read -r -d '' variable; do
  if [[ $variable =~ ^[a-z0-9_]+\.[a-z0-9_.]+= ]]; then settings+=("-E$variable"); fi
done < <(env -0)
exec bin/opensearch "${settings[@]}" "$@"
