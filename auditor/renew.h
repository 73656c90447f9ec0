#ifndef AUDITOR_RENEW_H
#define AUDITOR_RENEW_H

#include "base/buf.h"

/*
 * The command that renews a certificate, from the place that it was imported
 * from.  Pure.  Known are the folders of certbot (.../live/NAME/), lego
 * (.../certificates/NAME.crt), acme.sh (.acme.sh/NAME/, NAME_ecc/) and
 * dehydrated (dehydrated/certs/NAME/).  Appends nothing for any other, or
 * when the name has characters that a shell would see.
 */
void renew_command(const char *place, struct buf *);

#endif
