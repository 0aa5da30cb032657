FROM python:3.12
USER 0:0
RUN --mount=type=cache,id=cooperage-apt-9f39de2c,target=/.cooperage-apt,sharing=locked \
    --mount=type=bind,source=tools,target=/.cooperage \
    sh /.cooperage/apt-install \
    'jq' \
    'g++=4:12.2.0-3'
ARG COOPERAGE_CONDA_PREFIX=/opt/conda
ARG COOPERAGE_CONDA_PATH=/opt/conda/bin:
ENV PATH=${COOPERAGE_CONDA_PATH}${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
RUN --mount=type=cache,id=cooperage-conda,target=/.cooperage-conda,sharing=shared \
    --mount=type=bind,source=tools,target=/.cooperage \
    sh /.cooperage/conda-install \
    'conda-forge::numpy==1.17*'
RUN --mount=type=cache,id=cooperage-pip,target=/.cooperage-pip,sharing=shared \
    --mount=type=bind,source=tools,target=/.cooperage \
    sh /.cooperage/pip-install \
    'requests>=2 ; python_version > '\''3'\'''
ARG COOPERAGE_BASE_USER=
USER ${COOPERAGE_BASE_USER}
