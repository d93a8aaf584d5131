#!/bin/sh
# Bundles the explorer page (src/api/explorer/page) into src/api/explorer/assets. Needs Node.js with npm.
# The result is committed, so that building PhoneHub needs neither.
set -eu

page="$(CDPATH='' cd -- "$(dirname -- "$0")/../src/api/explorer/page" && pwd)"
assets="$page/../assets"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cp -R "$page/." "$work"
cd "$work"
npm ci --no-audit --no-fund --no-progress
npx --no-install esbuild main.jsx --bundle --minify --format=iife --target=es2022 --jsx=automatic \
    --define:process.env.NODE_ENV='"production"' --legal-comments=none \
    --loader:.graphql=text --loader:.woff2=empty --loader:.ttf=empty --metafile=meta.json --outfile=explorer.js
# The embedded fonts are two thirds of the style sheet; the page uses the system's.
sed -E -i 's/@font-face *\{[^}]*\}//g' explorer.css
node licences.mjs > LICENCES.txt
cp explorer.js explorer.css index.html LICENCES.txt "$assets"
for file in explorer.js explorer.css; do
    gzip -9 -n -c "$file" > "$assets/$file.gz"
done
ls -l "$assets"
