#!/bin/sh
# acme.sh: declare each new certificate to certvigil.
#
#   acme.sh --issue ... --reloadcmd /path/to/this
#   acme.sh --install-cert -d NAME --reloadcmd /path/to/this
#
# (acme.sh sets CERT_FULLCHAIN_PATH and Le_Domain.)  CERTVIGIL_SOURCE: declare
# as that source.
set -eu
lineage=${CERT_FULLCHAIN_PATH%/*}
exec "${CERTVIGIL:-certvigil}" known import - --quiet \
    --host "$(uname -n)" --lineage "${lineage##*/}" \
    ${CERTVIGIL_SOURCE:+--source "$CERTVIGIL_SOURCE"} \
    < "$CERT_FULLCHAIN_PATH"
