"""What joins the host to other frameworks; each module needs the framework that it is for."""
