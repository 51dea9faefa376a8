#!/usr/bin/env bash
# Asks the gateway which model it would choose, with curl. Starts the gateway with config.yaml, and
# the scripted provider, unless something listens there. What the variables mean is in README.md.
set -euo pipefail

binary=${MAINSTAY_BINARY:+$(realpath "$MAINSTAY_BINARY")}
cd "$(dirname "${BASH_SOURCE[0]}")"
binary=${binary:-../../build/release/mainstay}
export DEMO_LISTEN=${DEMO_LISTEN:-127.0.0.1:12000}
export DEMO_ADMIN_LISTEN=${DEMO_ADMIN_LISTEN:-127.0.0.1:12001}
export DEMO_PROVIDER=${DEMO_PROVIDER:-127.0.0.1:12009}
export DEMO_ROUTER_URL=${DEMO_ROUTER_URL:-http://$DEMO_PROVIDER/v1}
log=$(mktemp)
started=()

stop() {
  [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
  rm -f "$log"
}
trap stop EXIT

# start URL COMMAND...: runs the command until the demo ends, unless somebody answers at the URL.
start() {
  local url=$1
  shift
  if curl -fs -o /dev/null "$url"; then
    return
  fi
  "$@" >>"$log" 2>&1 &
  started+=($!)
  until curl -fs -o /dev/null "$url"; do
    if ! kill -0 "${started[-1]}" 2>/dev/null; then
      cat "$log" >&2
      exit 1
    fi
    sleep 0.05
  done
}

# ask PATH BODY [curl options]: prints what is asked and what the gateway says.
ask() {
  local path=$1 body=$2 option
  shift 2
  printf '$ curl %s' "$path"
  for option in "$@"; do
    case $option in
      -*) printf ' %s' "$option" ;;
      *) printf " '%s'" "$option" ;;
    esac
  done
  printf " -d '%s'\n" "$body"
  curl -sS "http://$DEMO_LISTEN$path" -H 'content-type: application/json' "$@" -d "$body"
  printf '\n\n'
}

if [ ! -x "$binary" ]; then
  echo "demo.sh: there is no gateway at $binary; run ./dev build, or set MAINSTAY_BINARY" >&2
  exit 1
fi
start "http://$DEMO_PROVIDER/v1/models" \
  "$binary" fake-provider --listen "$DEMO_PROVIDER" --script script.json
start "http://$DEMO_LISTEN/readyz" "$binary" serve -c config.yaml

decide=/routing/v1/chat/completions
code='{"model":"auto","messages":[{"role":"user","content":"Write a Python function that reads a csv file"}]}'
summary='{"model":"auto","messages":[{"role":"user","content":"Summarize the article in two sentences"}]}'
session="X-Session-Id: routing-demo-$$"

echo '# The route decides; the first of the models is to be used, the others are for fail-over.'
ask $decide "$code"
ask $decide "$summary"

echo '# A session is pinned by its first decision: the second one is not routed any more.'
ask $decide "$code" -H "$session"
ask $decide "$summary" -H "$session"

echo '# The pin holds for requests that are answered, too.'
ask /v1/chat/completions "$summary" -H "$session"

echo '# What was looked at, and what was left out.'
ask "$decide?explain=1" '{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"Summarize the article in this picture"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}'

echo '# Preferences of this request alone; a router of type llm can judge them.'
ask $decide '{"model":"auto","messages":[{"role":"user","content":"Write a poem about the harbour"}],"routing_preferences":[{"name":"verse","description":"poems and songs","models":["demo/large"]},{"name":"prose","description":"stories and letters","models":["demo/small"]}]}'
