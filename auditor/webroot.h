#ifndef AUDITOR_WEBROOT_H
#define AUDITOR_WEBROOT_H

struct err;

/*
 * http-01 through a web server that runs already: the key authorization as a
 * file DIR/.well-known/acme-challenge/TOKEN (RFC 8555 section 8.3).  DIR may
 * be a link, what is below it may not: who may write there cannot lead us
 * elsewhere.
 */

/*
 * Write the file, whole or not at all, durably; one that was there is
 * replaced.  The two directories are made when they are missing, all readable
 * by everybody.  0, or -1: ERR_FORMAT (no token, no key authorization of it),
 * ERR_CONF (DIR is no directory, or a link or file lies in the way), ERR_PERM,
 * ERR_SYS.
 */
int webroot_put(const char *dir, const char *token, const char *keyauth,
    struct err *);

/*
 * Remove the file and what is left of one that was not finished; 0 also when
 * it is not there.  The directories stay: other programs use them, too.
 */
int webroot_drop(const char *dir, const char *token, struct err *);

#endif
