#!/bin/sh
# The image's `hindcast` command. `serve` without a mounted configuration takes the providers from the environment
# and makes three secrets, once, in the data folder: a key for callers, the store's password and the key of /metrics.
set -eu
umask 077
app=${HINDCAST_APP:-/app}
data=${HINDCAST_DATA:-/data}
mounted=${HINDCAST_CONFIG:-/etc/hindcast/hindcast.yaml}

secret() { # secret FILE PREFIX: makes the file unless it is there
  [ -s "$1" ] || node -e 'const { randomBytes } = require("node:crypto"); console.log(process.argv[1] + randomBytes(32).toString("base64url"))' "$2" >"$1"
}

setup() {
  mkdir -p "$data/secrets"
  secret "$data/secrets/caller.key" hc_
  secret "$data/secrets/store.password" ''
  secret "$data/secrets/metrics.key" ''
  node -e '
    const { createHash } = require("node:crypto"), { readFileSync } = require("node:fs"), folder = process.argv[1];
    const key = readFileSync(`${folder}/secrets/caller.key`, "utf8").trim();
    console.log(`# Written by the image because no configuration is mounted. The key itself is in secrets/caller.key.
server: { host: 0.0.0.0, port: 4000 }
store: { path: ${folder}, host: 0.0.0.0, port: 8123, password: "\${file:${folder}/secrets/store.password}" }
telemetry: { metrics_key: "\${file:${folder}/secrets/metrics.key}" }
keys:
  - { name: container, hash: "sha256:${createHash("sha256").update(key).digest("hex")}" }`);' "$data" >"$data/hindcast.yaml.new"
  [ -f "$data/hindcast.yaml" ] || mv "$data/hindcast.yaml.new" "$data/hindcast.yaml"
  rm -f "$data/hindcast.yaml.new"
}

if [ "${1:-}" = serve ] && [ "$#" = 1 ]; then
  if [ -f "$mounted" ]; then
    exec node "$app/bin/hindcast.js" serve --config "$mounted"
  fi
  setup
  echo "Callers' key: $(cat "$data/secrets/caller.key") (kept in $data/secrets/caller.key). Mount $mounted for a configuration of your own."
  exec node "$app/bin/hindcast.js" serve --config "$data/hindcast.yaml"
fi
# Shares the secrets with Prometheus and Grafana of the same compose project.
if [ "${1:-}" = share-secrets ]; then
  setup
  umask 022
  cp "$data/secrets/store.password" "$data/secrets/metrics.key" "$2"
  chmod 0444 "$2/store.password" "$2/metrics.key"
  exit 0
fi
exec node "$app/bin/hindcast.js" "$@"
