#ifndef CTLOG_NOTE_H
#define CTLOG_NOTE_H

#include <stddef.h>

#include "base/cur.h"
#include "base/err.h"
#include "base/http.h"
#include "ctlog/sth.h"

/*
 * Checkpoints: signed notes (C2SP signed-note, tlog-checkpoint) with the
 * RFC6962NoteSignature of static-ct-api v1.1.0.
 */

#define NOTE_ORIGIN_MAX	1024

/* The request for <base>checkpoint; ${base} ends with a slash. */
int note_url(const char *base, struct http_req *);

/*
 * The origin of a log: its submission prefix without scheme and trailing
 * slash.  -1 when that is empty or too long.
 */
int note_origin(const char *submission_url, char out[NOTE_ORIGIN_MAX]);

/*
 * Read and verify a checkpoint of the log ${origin} with the key ${spki} (a
 * DER SubjectPublicKeyInfo).  The origin line is not signed, so it must be
 * the one given.  Signatures of others and of unknown types are ignored; one
 * of ours that fails refuses the whole note, as does none of ours.
 */
int note_read(struct span body, const char *origin, struct span spki,
    struct sth *out, struct err *);

#endif
