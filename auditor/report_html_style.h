#ifndef AUDITOR_REPORT_HTML_STYLE_H
#define AUDITOR_REPORT_HTML_STYLE_H

/* The style sheet of the HTML report, as it stands in the file. */
extern const char report_html_style[];

#endif
