# The base the other Dockerfiles name, where no registry can be reached: Debian by debootstrap, with its own Python.
# Like the official image of that name it has a `python` that can make virtual environments, and Debian's security fixes.
FROM scratch
ARG SUITE
ARG PYTHON
ARG MIRROR
LABEL dev.trimtab.base="debootstrap"
ADD rootfs.tar /
RUN sources=/etc/apt/sources.list \
    && printf "deb $MIRROR $SUITE main\ndeb $MIRROR $SUITE-updates main\ndeb $MIRROR-security $SUITE-security main\n" > $sources \
    && apt-get update -qq && apt-get upgrade -qq -y \
    && apt-get install -qq -y --no-install-recommends ca-certificates "python$PYTHON" "python$PYTHON-venv" \
    && ln -s "/usr/bin/python$PYTHON" /usr/local/bin/python \
    && sed -i "s#$MIRROR#http://deb.debian.org/debian#" $sources \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/man/* /usr/share/locale/* \
    && find /usr/share/doc -type f ! -name copyright -delete
CMD ["python"]
