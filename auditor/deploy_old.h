#ifndef AUDITOR_DEPLOY_OLD_H
#define AUDITOR_DEPLOY_OLD_H

/* Versions that are not served (deploy.h), and their end. */

#define DEPLOY_VERSIONS ".versions"

/*
 * Take away version ${folder} (relative to ${dir}, open as ${version}): the
 * files that one may have, then the folder.  One with anything else in it
 * stays.
 */
void deploy_old_remove(int dir, const char *folder, int version);

/*
 * Take away what ${name} does not need any more, under the lock of
 * ${versions}: what was left half written by who is dead, and whole versions
 * behind the LIMIT_DEPLOY_OLD newest that are not served.  Never the one that
 * the link points at, never one that somebody holds.  What does not work is
 * left for the next time.
 */
void deploy_old_drop(int dir, int versions, const char *name);

#endif
