# What fetch-and-build and refresh share: the table of sources, a private apt, and the files that are kept. Bash, to
# be sourced; errexit and pipefail are on. Everything that it makes is in $cache or in $work.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${POSTERN_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or POSTERN_CACHE}/.cache}/postern}
own_prefix="or give an installed BoringSSL to cmake: -DBORINGSSL_ROOT=PREFIX (include/, lib/libssl.a, lib/libcrypto.a)"

say() { printf 'boringssl: %s\n' "$*" >&2; }
die() {
  say "$1"
  printf '  why:  %s\n  then: %s\n' "$2" "$3" >&2
  exit 1
}

# row NAME: sets the variables of a row of the table.
row() {
  local line
  line=$(awk -v name="$1" '$1 == name' "$here/sources")
  [[ -n $line ]] || return 1
  read -r name package version suite megabytes commit date api sha256 manifest <<<"$line"
  tarball=${package}_$version.orig.tar.xz
}

# The lock and the folder of everything half-made. A run that was killed leaves its own: nobody else is here now.
take_the_cache() {
  mkdir -p "$cache" 2>/dev/null && [[ -w $cache ]] ||
    die "cannot write to $cache" "BoringSSL is kept there" "set POSTERN_CACHE to a folder that can be written"
  exec 9>"$cache/boringssl.lock"
  if ! flock --nonblock 9; then
    say "another build holds $cache/boringssl.lock, waiting for it"
    flock 9
  fi
  rm -rf "$cache"/boringssl.??????
  work=$(mktemp -d "$cache/boringssl.XXXXXX")
  trap clean_up EXIT
}

watcher=
clean_up() {
  if [[ -n $watcher ]]; then kill "$watcher" 2>/dev/null || true; fi
  rm -rf "$work"
}

free_megabytes() { df --output=avail -BM "$cache" | tail -n 1 | tr -cd 0-9; }

# room MEGABYTES WHAT: before it begins, not when the disk is full.
room() {
  [[ $(free_megabytes) -ge $1 ]] ||
    die "the disk of $cache is too full" "$2 takes $1 MB, $(free_megabytes) MB are free" \
      "make room, or set POSTERN_CACHE to a folder on another disk"
}
fail_if_full() {
  [[ $(free_megabytes) -ge 8 ]] || { rm -rf "$cache/boringssl-download" && die "the disk of $cache is full" \
    "$1 needed more than was free; what was half-made is removed" "make room and try again"; }
}

# apt parses its own sources, one-line or deb822; we only ask it where this machine's Debian comes from.
debian_mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$codename" '$2 == release && $3 == "main" { print $1; exit }'
}

# A private apt for the row's suite: the machine's sources, lists and cache stay as they are, and no root is needed.
prepare_apt() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  unavailable="this machine has no apt-get"
  command -v apt-get >/dev/null || return
  unavailable="no entry of apt's sources offers component main of this release"
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || return
  mkdir -p "$work"/lists/partial "$work"/cache/archives/partial
  {
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\n' "$mirror" "$suite"
    if [[ -f $keyring ]]; then echo "Signed-By: $keyring"; fi
  } >"$work/boringssl.sources"
  # --tar-only: mirrors drop the packaging of an old revision sooner than the source; we use only the latter.
  apt=(apt-get -qq
    -o "Dir::Etc::SourceList=$work/boringssl.sources" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::http::Timeout=30)
  unavailable="the lists of suite $suite cannot be fetched from $mirror"
  "${apt[@]}" update >"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2 && return 1; }
}

offered() { "${apt[@]}" source --print-uris --tar-only "$package" 2>/dev/null | awk '/^.http|^.file/ { print $2; exit }'; }

# Loads the row's tarball into $cache/boringssl-download, where a broken transfer goes on from what has come. Returns
# 1 and says in $unavailable why if it cannot be had.
download() {
  local into=$cache/boringssl-download found attempt whole=
  prepare_apt || return 1
  found=$(offered)
  unavailable="suite $suite of this machine's mirror offers ${found:-no source of $package}, not $tarball"
  [[ $found == "$tarball" ]] || return 1
  mkdir -p "$into"
  find "$into" -type f ! -name "$tarball" -delete
  say "loading $tarball, $megabytes MB, from this machine's Debian mirror (suite $suite)"
  watch_progress "$into/$tarball" &
  watcher=$!
  for attempt in 1 2 3; do
    if (cd "$into" && timeout --foreground 1800 "${apt[@]}" source --download-only --tar-only "$package" >"$work/apt.log" 2>&1); then
      whole=yes
      break
    fi
    if [[ $attempt -lt 3 && -s $into/$tarball ]]; then say "the transfer broke off; it goes on from what has come"; fi
  done
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  watcher=
  if [[ -f $into/$tarball && $(sha256_of "$into/$tarball") == "$sha256" ]]; then return; fi
  fail_if_full "the download"
  if [[ -n $whole ]] || grep -q 'Hash Sum mismatch' "$work/apt.log"; then wrong_checksum "$into/$tarball"; fi
  tail -n 2 "$work/apt.log" >&2
  unavailable="the transfer of $tarball broke off; what has come stays in $into, and the next try goes on from there"
  return 1
}

wrong_checksum() {
  local actual
  actual=$(sha256_of "$1" 2>/dev/null) || actual="a file that apt has refused"
  rm -f "$1"
  die "$tarball has the wrong checksum and is removed" "expected $sha256, got $actual" "try again; do not build it"
}

watch_progress() {
  local tenth=0 now
  exec 9>&-
  while sleep 2; do
    now=$(($(stat -c %s "$1" 2>/dev/null || echo 0) * 10 / (megabytes * 1000000)))
    if [[ $now -gt $tenth && $now -lt 10 ]]; then say "  $((now * megabytes / 10)) of $megabytes MB" && tenth=$now; fi
  done
}

sha256_of() { sha256sum "$1" | cut -d ' ' -f 1; }

manifest_of() { (cd "$1" && LC_ALL=C find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1); }

# unpack_folder TARBALL: BoringSSL's tree out of Chromium's, to $tree. xz is told to stop once the folder is out, 1.9 GB
# before the end, hence no pipefail; whether all came is for the manifest to say.
unpack_folder() {
  local top=${package}-$version
  say "unpacking BoringSSL from it (13 CPU seconds)"
  mkdir -p "$work/chromium"
  (set +o pipefail && xz -T0 -dc "$1" 2>/dev/null | tar -xf - -C "$work/chromium" --occurrence=1 "$top/third_party/boringssl") || true
  tree=$work/chromium/$top/third_party/boringssl/src
  revision=$(sed -n 's/^Revision: //p' "$tree/../README.chromium" 2>/dev/null || true)
  fail_if_full "unpacking"
}

# keep TREE: the files that a build needs, to $work/source.
keep() {
  cmake "-DTREE=$1" -P "$here/kept.cmake" 2>"$work/kept" || return 1
  mkdir -p "$work/source"
  tar -cf - -C "$1" -T "$work/kept" | tar -xf - -C "$work/source"
}
