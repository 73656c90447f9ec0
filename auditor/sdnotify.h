#ifndef AUDITOR_SDNOTIFY_H
#define AUDITOR_SDNOTIFY_H

/*
 * Tell systemd our state: "READY=1", "WATCHDOG=1" (sd_notify(3), without its
 * library).  Does nothing when NOTIFY_SOCKET is not set.
 */
void sdnotify(const char *);

#endif
