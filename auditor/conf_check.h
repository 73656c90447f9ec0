#ifndef AUDITOR_CONF_CHECK_H
#define AUDITOR_CONF_CHECK_H

struct conf;
struct conf_node;
struct err;

/*
 * Checks of single values for the table, 0 or -1 ERR_CONF with a sentence:
 * a watch; an address or network; an address of ours; a name of ours (channel, policy, owner);
 * the CAA identifier of a CA owner, or "*"; whom peers may ask; a database;
 * HH:MM; http or https; a CA owner's identifier or the SHA-256 of its key;
 * one DNS name.
 */
int conf_check_watch(const char *, struct err *);
int conf_check_net(const char *, struct err *);
int conf_check_source(const char *, struct err *);
int conf_check_name(const char *, struct err *);
int conf_check_issuer(const char *, struct err *);
int conf_check_contact(const char *, struct err *);
int conf_check_database(const char *, struct err *);
int conf_check_daytime(const char *, struct err *);
int conf_check_url(const char *, struct err *);
int conf_check_seen(const char *, struct err *);
int conf_check_canary(const char *, struct err *);
int conf_check_ca(const char *, struct err *);
int conf_check_vkey(const char *, struct err *);

/*
 * What no single value shows: names that must exist, keys that exclude each
 * other.  ${root} (may be NULL) has the places for the message, ${file} the
 * name.  0 or -1 ERR_CONF.
 */
int conf_check_all(const struct conf *, const struct conf_node *,
    const char *file, struct err *);

#endif
