"""nginx configuration as typed values: directives in, checked text out."""

from network.nginx.directive import Directive, NginxSyntaxError, block, directive, render

__all__ = ["Directive", "NginxSyntaxError", "block", "directive", "render"]
