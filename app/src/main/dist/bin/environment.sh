# What m3agiqa runs in: sets JAVA_HOME to a JDK 25, or ends with exit code 2.

# The engine frees and takes tens of megabytes in every layer. By default glibc gives them back to the system each time,
# and taking them anew costs more than what is computed in them.
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-1073741824}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-1073741824}"
# as much as one heap of a thread is: glibc gives those back whole otherwise, whatever the threshold
export MALLOC_TOP_PAD_="${MALLOC_TOP_PAD_:-67108864}"

# prompts and names of files are UTF-8, whatever the locale, by which the JVM would read them; one that is named but not
# installed, as in many containers, counts as C
[ "$(locale charmap 2>/dev/null)" = UTF-8 ] || export LC_ALL=C.UTF-8

is_jdk25() {
  [ -x "$1/bin/java" ] && [ -r "$1/release" ] || return 1
  while read -r line; do
    case $line in
      JAVA_VERSION=\"25*) return 0 ;;
    esac
  done <"$1/release"
  return 1
}

find_jdk25() {
  on_path=$(command -v java 2>/dev/null) && on_path=$(dirname "$(dirname "$(readlink -f "$on_path")")")
  for home in "$on_path" /usr/lib/jvm/* "${HOME:-}"/.sdkman/candidates/java/* \
      /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    if is_jdk25 "$home"; then
      JAVA_HOME=$home
      export JAVA_HOME
      return 0
    fi
  done
  echo "m3agiqa: no JDK 25 was found; install one, for example Eclipse Temurin 25, and set JAVA_HOME to it" >&2
  exit 2
}

is_jdk25 "${JAVA_HOME:-}" || find_jdk25
