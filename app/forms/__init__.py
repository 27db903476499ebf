"""One description of a form: the browser's form, the command line and the API body are all read off a question."""
