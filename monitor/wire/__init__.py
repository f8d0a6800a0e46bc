"""A lean HTTP/1.1 transport for probes: one connection a request, nothing kept between two.

`addresses` knows where a request goes, `connection` gets there, `http1` asks and reads the answer,
`redirects` and `cookies` say what is asked next.
"""
