#ifndef AUDITOR_ROLE_CHALLENGE_H
#define AUDITOR_ROLE_CHALLENGE_H

/*
 * The challenge process: it answers http-01 and tls-alpn-01 for the tokens
 * and names that the engine puts (challenge_msg.h), on listening sockets that
 * it was given, and tells the engine who was given an answer.  It has no
 * database, no files, no keys but the throw-away ones of tls-alpn-01; it
 * cannot connect to anything.
 *
 * Everybody may talk to it.  At most LIMIT_CHALLENGE_CONNS do so at a time;
 * when there are more, the network that has the most of them loses the one
 * that has been idle the longest.
 */

/* Milliseconds for one connection, unless SETUP says otherwise. */
#define CHALLENGE_MS	10000u

/* The role: returns the exit status (0: the channel was closed or SIGTERM). */
int challenge_main(void);

#endif
