#ifndef RIG_CA_CMD_H
#define RIG_CA_CMD_H

#include "base/err.h"

/*
 * Commands of the program ca (README.md).  They read their arguments with
 * getopt; the CA's folder stands where that wants the program's name.
 */

int ca_init(int, char **, struct err *);
int ca_issue(int, char **, struct err *);
int ca_real(int, char **, struct err *);
int ca_revoke(int, char **, struct err *);
int ca_unrevoke(int, char **, struct err *);
int ca_cross(int, char **, struct err *);
int ca_bulk(int, char **, struct err *);

#endif
